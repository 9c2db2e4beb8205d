"""The methods, one a file: only what differs from plain training."""
