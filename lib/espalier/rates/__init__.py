"""Learning rates of single parts of a network: multipliers of an optimizer's updates."""
