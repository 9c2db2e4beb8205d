"""Layers of our own, and how a layer serves several runs at once."""
