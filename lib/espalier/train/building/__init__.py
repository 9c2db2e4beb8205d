"""Build a run from a configuration: its model within a budget, its data, its optimizer."""
