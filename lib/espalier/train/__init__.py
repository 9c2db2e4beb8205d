"""Training: everything that runs inside a worker."""
