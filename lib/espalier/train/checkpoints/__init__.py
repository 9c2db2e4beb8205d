"""Files that a run continues from, and files of trained models."""
