"""Presets of another program, translated into our symbols."""
