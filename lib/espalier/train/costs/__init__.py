"""The floating-point operations and the bytes of a network, and what a whole run takes of them."""
