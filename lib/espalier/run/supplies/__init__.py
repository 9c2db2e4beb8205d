"""Supplies: what gives a sweep trials while it runs, by what has come of earlier ones."""
