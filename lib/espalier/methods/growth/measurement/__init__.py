"""Measures of a growing network: connectivity, reachability and information."""
