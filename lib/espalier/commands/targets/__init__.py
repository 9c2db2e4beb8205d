"""Targets of make that are more than one verb, or none: what a recipe does there."""
