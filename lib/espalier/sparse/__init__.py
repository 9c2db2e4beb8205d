"""Sparse weights: schedule, scores, allocation, threshold, masks and edges, each by itself."""
