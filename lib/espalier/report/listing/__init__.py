"""All sweeps of a folder: what each is, how far, what came of it, and which a query is about."""
