"""Which way of computing sums is the fastest for a layer, told by its sizes and the device alone.

Nothing is timed when a network runs: different ways round differently, and a run with the same
seed has to give the same numbers.
"""

from __future__ import annotations

from torch import Tensor

from espalier.dendrites.kernels import Backend

LARGE = 2**28  # numbers of a dense matrix that a GPU is not asked to hold for a moment


def backend(x: Tensor, weight: Tensor) -> Backend:
    """For x (K b, inputs) and weight (K, units, fan_in), or without the K of one trial."""
    units, fan_in = weight.shape[-2:]
    samples = len(x) * units * fan_in // weight.numel()  # of one trial, whatever is packed
    if x.device.type != "cpu":
        return "bag" if weight.numel() // fan_in * x.shape[1] > LARGE else "scatter"
    bag, scatter = seconds(samples, x.shape[1], units, fan_in)
    return "bag" if bag < scatter else "scatter"


def seconds(samples: int, inputs: int, units: int, fan_in: int) -> tuple[float, float]:
    """What a forward and backward pass takes a CPU thread by `bag` and by `scatter`.

    Without what both share. Constants are fitted to benchmarks/dendrites_layer.py on one core of
    a Xeon with AVX-512.
    """
    synapses = units * fan_in
    turning = samples * inputs * 4.2e-10 * 2
    bag = 12e-6 + turning + synapses * (2.2e-8 + samples * 4.5e-11 * 2)
    dense = units * inputs * (4e-10 * 2 + samples * 1.3e-11 * 2)
    return bag, 4e-6 + dense + synapses * 1.4e-9
