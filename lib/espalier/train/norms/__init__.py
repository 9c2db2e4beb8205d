"""Batch normalisation over a whole batch of which a process, or a pass, sees a part."""
