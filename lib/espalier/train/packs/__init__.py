"""Several runs trained as one program, where that is faster."""
