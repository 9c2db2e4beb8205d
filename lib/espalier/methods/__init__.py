"""The methods, a folder a family and a file a method: only what differs from plain training."""
