"""Whether a model, its data and its optimizer are fit to be compared with anything."""
