"""What shows a sweep while it runs: the terminal, and its page."""
