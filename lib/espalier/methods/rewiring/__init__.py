"""Sparse training: edges leave and arrive while their number stays the same."""
