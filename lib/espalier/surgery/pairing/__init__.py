"""Pairs of layers: found in a model's structure or in a recorded pass, or named."""
