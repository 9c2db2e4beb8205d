"""Which way of computing sums is the fastest for a layer, chosen by its sizes and the device alone.

Nothing is timed when a network runs: different ways round differently, and a run with the same
seed has to give the same numbers.
"""

from __future__ import annotations

import functools

from torch import Tensor

from espalier.layers.dendrites.kernels import Backend

LARGE = 2**28  # numbers of a dense matrix that a GPU is not to hold even for a moment


def choose_backend(x: Tensor, weight: Tensor) -> Backend:
    """Return the fastest for x (K b, inputs) and weight ([K,] units, fan_in)."""
    stack = weight.shape
    trials = 1 if len(stack) == 2 else stack[0]
    return choose_by_size(len(x) // trials, x.shape[1], (stack[-2], stack[-1], trials), x.is_cpu)


@functools.lru_cache(maxsize=1024)  # small layers have no time to work it out
def choose_by_size(samples: int, inputs: int, size: tuple[int, int, int], cpu: bool) -> Backend:
    """Return the fastest for `samples` of each trial; `size` is units, fan-in and trials.

    How many are trained together only matters to a GPU's memory.
    """
    units, fan_in, trials = size
    if not cpu:
        return "bag" if trials * units * inputs > LARGE else "scatter"
    bag, scatter = estimate_seconds(samples, inputs, units, fan_in)
    return "bag" if bag < scatter else "scatter"


def estimate_seconds(samples: int, inputs: int, units: int, fan_in: int) -> tuple[float, float]:
    """Estimate the seconds of a forward and backward pass on a CPU thread: `bag`, `scatter`.

    Without what both share. Least squares of the relative error over the 55 sizes that
    `benchmarks/dendrites_layer.py --calibrate` times, on one quiet core of a Xeon with AVX-512. The
    slower way is chosen for 3 of them: it takes 1.18 times as long at worst, and 1.006 times in the
    mean over all.
    """
    synapses, matrix, batch = units * fan_in, units * inputs, samples * inputs
    bag = 1.5e-5 + 1.34e-9 * batch + synapses * (1.84e-8 + 5.0e-11 * samples)
    scatter = 4.2e-10 * batch + matrix * (1.08e-9 + 2.68e-11 * samples) + 2.4e-9 * synapses
    return bag, scatter
