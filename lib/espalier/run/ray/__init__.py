"""A cluster of Ray as an executor, and what its nodes are given and give back."""
