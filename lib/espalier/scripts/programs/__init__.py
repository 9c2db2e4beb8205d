"""A program that runs as a trial: how it starts and ends, what it is given, what it says."""
