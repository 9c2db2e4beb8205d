"""Trials that are programs of any kind: how they start, what they say, and how they end."""
