"""The Kconfig tree and its files: parsing, values, presets and range files, front ends, lint."""
