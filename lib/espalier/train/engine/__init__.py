"""One run under way: its trainer, random streams, device, evaluation and early stopping."""
