"""Claims of a sweep: what they say, and what came of them."""
