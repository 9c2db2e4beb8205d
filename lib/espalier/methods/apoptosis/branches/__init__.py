"""Apoptosis of whole layers: residual branches fade, die and are born again."""
