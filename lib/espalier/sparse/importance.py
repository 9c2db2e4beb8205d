"""Importance of weights by the optimizer's state: formulas under the earlier code's names.

w is the weight, m and v its first and second moments, not bias-corrected. Each formula is
elementwise and writes into `out`; higher means keep. A weight without state, which has never had a
gradient, scores |w| under all of them, as in the earlier code.

`power` is a family: |w| (v + 1e-8)^q. q = 0 is magnitude and q = 1/4 bitter7. q = 1/2 ranks as
Optimal Brain Damage does (LeCun, Denker and Solla 1989) with the mean squared gradient, the
empirical Fisher, for the curvature: w^2 v / 2. An optimizer that keeps no second moment (Lion,
Muon) has m^2 in its place, so that q = 1/2 is |w m|.

What each optimizer's state says of a weight: `espalier.sparse.optimizer_parts`.
Differs: bitter1 and bitter2 differed only in the length of training, and so are equal;
bitter8 and bitter9 follow the earlier code, whose documents give other formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor

from espalier.sparse.optimizer_parts import Moment, StateReading, read_state
from espalier.sparse.scores import Scores

Importance = Literal[
    "bitter0",
    "bitter1",
    "bitter2",
    "bitter3",
    "bitter4",
    "bitter5",
    "bitter6",
    "bitter7",
    "bitter8",
    "bitter9",
    "power",
]
Formula = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]

EPSILON = 1e-8
HALF_EPSILON = 1e-5  # 1e-8 rounds to 0 in half precision
ROUNDED_EPSILON = float(np.float16(HALF_EPSILON))  # 1.00136e-5: the constant that a compiler keeps


def hybrid(w: Tensor, m: Tensor, v: Tensor, out: Tensor) -> Tensor:
    """|w m| * |w| / (sqrt(v) + 1e-8)."""
    return torch.mul(w, m, out=out).mul_(w).abs_().div_(_root(v).add_(EPSILON))


def magnitude(w: Tensor, m: Tensor, v: Tensor, out: Tensor) -> Tensor:
    """|w|."""
    del m, v
    return torch.abs(w, out=out)


def root_momentum(w: Tensor, m: Tensor, v: Tensor, out: Tensor) -> Tensor:
    """|w| * sqrt(|m| + 1e-8)."""
    del v
    return torch.mul(w.abs(), (m.abs() + EPSILON).sqrt(), out=out)


def signed_momentum(w: Tensor, m: Tensor, v: Tensor, out: Tensor) -> Tensor:
    """sign(w) * m / (sqrt(v) + 1e-8) + 0.1 |w|."""
    return torch.add(w.sign() * m / (_root(v) + EPSILON), 0.1 * w.abs(), out=out)


def stable_momentum(w: Tensor, m: Tensor, v: Tensor, out: Tensor) -> Tensor:
    """|w| * sqrt(|m| + 1e-8) * sqrt(m^2 / (v + 1e-8))."""
    return torch.mul(w.abs() * (m.abs() + EPSILON).sqrt(), (m**2 / (v + EPSILON)).sqrt(), out=out)


def variance(w: Tensor, m: Tensor, v: Tensor, out: Tensor) -> Tensor:
    """|w| * (|v| + 1e-8)^(1/4)."""
    del m
    return torch.mul(w.abs(), (v.abs() + EPSILON).sqrt().sqrt(), out=out)


def half_variance(w: Tensor, m: Tensor, v: Tensor, out: Tensor) -> Tensor:
    """|w| * (|v| + 1e-5)^(1/4), each operation rounded to float16."""
    del m
    root = (v.half().abs() + HALF_EPSILON).rsqrt().rsqrt()
    return out.copy_(w.half().abs() * root)


def fused_half_variance(w: Tensor, m: Tensor, v: Tensor, out: Tensor) -> Tensor:
    """|w| * (|v| + 1e-5)^(1/4) in float32, with 1e-5 rounded to float16: bitter8 compiled.

    torch's compiler fuses bitter8 into one kernel of float32, in which casts to float16 and back
    are left out and only the constant was rounded.
    """
    del m
    return torch.mul(w.abs(), (v.abs() + ROUNDED_EPSILON).rsqrt().rsqrt(), out=out)


def powered(power: float, w: Tensor, m: Tensor, v: Tensor, out: Tensor) -> Tensor:
    """|w| * (v + 1e-8)^power."""
    del m
    return torch.mul(w.abs(), (v + EPSILON).pow_(power), out=out)


def _root(v: Tensor) -> Tensor:
    """sqrt(v); on a CPU numpy's, since torch's takes five times as long where many v are 0."""
    return torch.from_numpy(np.sqrt(v.numpy())) if v.is_cpu else v.sqrt()


FORMULAS: dict[Importance, Formula] = {
    "bitter0": hybrid,
    "bitter1": magnitude,
    "bitter2": magnitude,
    "bitter3": root_momentum,
    "bitter4": root_momentum,
    "bitter5": signed_momentum,
    "bitter6": stable_momentum,
    "bitter7": variance,
    "bitter8": half_variance,
    "bitter9": fused_half_variance,
}
POWER: Final = "power"
"""The family, whose formula has an exponent of its own."""
NEITHER = frozenset[Moment]()
FIRST, SECOND = frozenset[Moment](("first",)), frozenset[Moment](("second",))
READS: dict[Importance, frozenset[Moment]] = {
    "bitter0": FIRST | SECOND,
    "bitter1": NEITHER,
    "bitter2": NEITHER,
    "bitter3": FIRST,
    "bitter4": FIRST,
    "bitter5": FIRST | SECOND,
    "bitter6": FIRST | SECOND,
    "bitter7": SECOND,
    "bitter8": SECOND,
    "bitter9": SECOND,
}
"""The moments that a formula cannot do without; the family takes either."""
BY_DEPTH: frozenset[Importance] = frozenset({"bitter4"})  # formulas that imply that allocation


def check_allocation(importance: Importance, allocation: str) -> None:
    """Raise ValueError for a formula that implies an allocation by depth, with another."""
    if importance in BY_DEPTH and allocation != "depth":
        raise ValueError(f"{importance} prunes by depth: pass allocation='depth'")


def missing_moment(importance: Importance, kept: frozenset[Moment]) -> str:
    """Return what a formula needs of state that has the moments `kept`; empty if nothing."""
    if importance == POWER:
        return "" if kept else "moment"
    lacking = READS[importance] - kept
    return " and ".join(f"{moment} moment" for moment in sorted(lacking))


def state_scores(
    importance: Importance,
    weights: Iterable[Tensor],
    optimizer: torch.optim.Optimizer,
    power: float | None = None,
) -> Scores:
    """Return the scores of `weights` by the state of `optimizer`; `power` is the family's exponent.

    Raises ValueError if the state has not what the formula reads.
    """
    if importance != POWER:
        formula = FORMULAS[importance]
    elif power is None:
        raise ValueError("importance='power': needs an exponent: pass power, such as 0.25")
    else:
        formula = partial(powered, power)
    readings = ((w, read_state(optimizer, w)) for w in weights)
    operands = [(w, *(_moments(importance, reading) if reading else ())) for w, reading in readings]
    return Scores(partial(_score, formula), operands)


def _moments(importance: Importance, reading: StateReading) -> tuple[Tensor, Tensor]:
    """Return m and v as a formula takes them; what it does not read is the other of the two."""
    first, second = reading.first, reading.second
    kept = (FIRST if first is not None else NEITHER) | (SECOND if second is not None else NEITHER)
    lacking = missing_moment(importance, kept)
    if lacking:
        raise ValueError(f"importance={importance!r}: the optimizer keeps no {lacking}")
    if second is None:
        assert first is not None
        return first, first.square() if importance == POWER else first
    return (second if first is None else first), second


def _score(formula: Formula, *tensors: Tensor) -> Tensor:
    """Write the scores of a weight (w, m, v, out) by a formula, of one without state (w, out)."""
    if len(tensors) == 2:
        weight, out = tensors
        return torch.abs(weight, out=out)
    return formula(*tensors)
