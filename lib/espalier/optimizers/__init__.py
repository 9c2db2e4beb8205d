"""The optimizers, one a file; the other modules here hold what several share."""
