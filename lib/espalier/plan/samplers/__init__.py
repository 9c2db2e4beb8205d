"""Samplers: which of all combinations become trials."""
