"""The sweep: planning trials, running them, and ranking what came of them."""
