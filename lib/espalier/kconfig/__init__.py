"""The Kconfig tree: parsing it, asking it, and the front ends that edit it."""
