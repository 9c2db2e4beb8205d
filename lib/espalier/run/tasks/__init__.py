"""The tasks of a runner while they run, and what comes of the trials in them."""
