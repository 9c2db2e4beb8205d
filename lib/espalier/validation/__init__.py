"""Validate a configuration before it is compared: gradients, memorization, chance, leaks."""
