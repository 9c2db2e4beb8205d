"""Layers of our own, and layers folded to serve several runs at once."""
