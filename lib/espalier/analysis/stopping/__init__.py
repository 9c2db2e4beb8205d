"""Which configurations go on at a rung, by what all have shown there."""
