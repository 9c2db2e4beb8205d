"""Worker processes: what they run, and what they say to their runner."""
