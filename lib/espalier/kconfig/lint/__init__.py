"""The lint of the Kconfig tree: by itself, and against the code."""
