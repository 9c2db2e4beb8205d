"""Growth of neurons: ordinary layers begin narrow and are widened while they train."""
