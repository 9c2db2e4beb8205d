"""What is said of two sides of a sweep, or of two sweeps."""
