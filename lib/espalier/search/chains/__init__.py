"""Growth that goes on from the smallest network that learns, as one chain of sweeps."""
