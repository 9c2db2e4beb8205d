"""Sparse growth: live edges that come and go while a network trains."""
