"""Sweeps whose plan grows by what a sampler proposes from the results so far."""
