"""Methods for networks with dendrites: synapses are resampled while they train."""
