"""What trials read from files of their user: weights to start from, and programs."""
