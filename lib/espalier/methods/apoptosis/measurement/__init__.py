"""What events of apoptosis cost a run."""
