"""What a user probably meant: names, values and notations that are nearly right."""
