"""Pruning: weights leave a dense network by a schedule."""
