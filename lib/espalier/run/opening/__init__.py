"""A sweep that is to run: what was asked for, and the folder and store that it runs in."""
