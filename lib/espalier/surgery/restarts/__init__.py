"""Newborn neurons and synapses train as under a fresh optimizer of the same class."""
