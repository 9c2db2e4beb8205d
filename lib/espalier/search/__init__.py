"""Searching configurations from Python: spaces, searches within a budget, and what they found."""
