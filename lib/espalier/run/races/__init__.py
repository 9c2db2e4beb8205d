"""Sweeps whose plan grows by seeds until it is known which configuration is best."""
