"""The searcher and the seed finder: spaces, searches within a budget, and what they found."""
