"""The plan of a sweep: range files are expanded into trials, sampled and written down."""
