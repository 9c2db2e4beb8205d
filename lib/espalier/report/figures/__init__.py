"""Figures of a sweep, for papers, pages and talks."""
