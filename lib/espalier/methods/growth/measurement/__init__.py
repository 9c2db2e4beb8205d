"""Measures of a growing network: the information of its activations about the labels."""
