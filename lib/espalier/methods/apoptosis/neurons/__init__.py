"""The neurons of a layer: their fitness, ages, activations, replacement and lineage."""
