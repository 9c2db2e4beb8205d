"""A sweep that is to run: its request, and the folder and store that it runs in."""
