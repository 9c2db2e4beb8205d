"""Sparse layers as bipartite graphs: links that are likely, first links, units without any."""
