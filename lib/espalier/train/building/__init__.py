"""From a configuration to a run that can be trained: its model, its budget, its data."""
