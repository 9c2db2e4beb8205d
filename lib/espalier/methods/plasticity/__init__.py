"""Plasticity: a network stays able to learn, by penalties, noise and resets."""
