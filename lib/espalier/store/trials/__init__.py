"""The folders of trials: what is written into them, read back and set aside."""
