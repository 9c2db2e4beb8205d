"""Which way of computing sums is the fastest for a layer, told by its sizes and the device alone.

Nothing is timed when a network runs: different ways round differently, and a run with the same
seed has to give the same numbers.
"""

from __future__ import annotations

import functools

from torch import Tensor

from espalier.dendrites.kernels import Backend

LARGE = 2**28  # numbers of a dense matrix that a GPU is not asked to hold for a moment


def backend(x: Tensor, weight: Tensor) -> Backend:
    """For x (K b, inputs) and weight (K, units, fan_in), or without the K of one trial."""
    return _backend(x.shape, weight.shape, x.device.type)


@functools.lru_cache(maxsize=1024)  # a look-up takes a tenth of working it out
def _backend(x: tuple[int, int], weight: tuple[int, ...], device: str) -> Backend:
    trials = 1 if len(weight) == 2 else weight[0]
    units, fan_in = weight[-2:]
    if device != "cpu":
        return "bag" if trials * units * x[1] > LARGE else "scatter"
    bag, scatter = seconds(x[0] // trials, x[1], units, fan_in)  # of one, whatever is packed
    return "bag" if bag < scatter else "scatter"


def seconds(samples: int, inputs: int, units: int, fan_in: int) -> tuple[float, float]:
    """What a forward and backward pass takes a CPU thread by `bag` and by `scatter`.

    Without what both share. Least squares of the relative error over the 55 sizes that
    `benchmarks/dendrites_layer.py --calibrate` times, on one core of a Xeon with AVX-512 that had
    other work to do. Timed once more, the slower way was chosen for 4 of them: it took 1.29 times
    as long at worst, and 1.01 times in the mean over all.
    """
    synapses, matrix, batch = units * fan_in, units * inputs, samples * inputs
    bag = 1.7e-5 + 1.44e-9 * batch + synapses * (2.1e-8 + 4.5e-11 * samples)
    scatter = 6.1e-10 * batch + matrix * (1.55e-9 + 2.4e-11 * samples) + 2.6e-9 * synapses
    return bag, scatter
