"""Events at which masks change: how they are reported, and which weights were ever live."""
