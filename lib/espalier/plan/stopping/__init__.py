"""Which configurations of a sweep are to stop before their last epoch."""
