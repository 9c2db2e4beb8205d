"""Reports of a sweep: text, tables, JSON and pictures."""
