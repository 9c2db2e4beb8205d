"""The trees that components are in: the harness's own, and those of its user."""
