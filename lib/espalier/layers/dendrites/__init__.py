"""Neurons whose inputs meet on dendrites: sparse layers that store only the synapses they have."""
