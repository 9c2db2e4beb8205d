"""Sparse training: schedule, importance, allocation, threshold and masks, each a separate part."""
