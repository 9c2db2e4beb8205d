"""Two sides of one sweep, or two sweeps, side by side: pure functions over results."""
