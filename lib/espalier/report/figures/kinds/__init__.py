"""The kinds of figures, a file each: `draw` makes the figure of a sweep in a style."""
