"""Which trials that wait a worker is handed as one pack, in which order, and how many."""
