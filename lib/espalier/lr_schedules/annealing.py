"""Half a cosine, shared by the schedules that anneal.

Source: Loshchilov and Hutter 2016, "SGDR: Stochastic Gradient Descent with Warm Restarts",
arXiv:1608.03983, equation 5.
"""

from __future__ import annotations

import math


def anneal(progress: float, floor: float) -> float:
    """Return 1 at progress 0, falling to `floor` at progress 1, and never below it."""
    turn = math.pi * min(progress, 1.0)
    return floor + (1.0 - floor) * (1.0 + math.cos(turn)) / 2.0
