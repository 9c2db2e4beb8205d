"""The methods of pruning and of sparse training in a training loop of the user's own."""
