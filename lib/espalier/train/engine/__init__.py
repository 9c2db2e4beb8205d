"""One run as it trains: its steps, random streams, device, evaluation and early stopping."""
