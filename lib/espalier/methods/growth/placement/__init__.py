"""Where growth happens: which units stand out, and which edges are missing."""
