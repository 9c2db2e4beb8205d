"""The samples of a trial: split, transformed, augmented, and changed while it trains."""
