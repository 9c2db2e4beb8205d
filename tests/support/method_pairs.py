"""The pairs of optimizer and method that the Kconfig tree accepts."""

from __future__ import annotations

import functools
from itertools import product
from typing import Any

from kconfiglib import Kconfig

from espalier.core import component
from espalier.kconfig import tree
from espalier.methods.pruning.pruning_schedule import PruningPlan

# Six steps an epoch: updates after steps 8, 11, 14, 17, 20, 23 and 24
PLAN = PruningPlan(target=0.7, warmup=5, ramp_end_epoch=4, frequency=3)


def pruning_fields(method: str) -> dict[str, Any]:
    """Fields of a pruning method that go with every optimizer which it is offered for."""
    return {"plan": PLAN, **({"importance": "power"} if method == "state" else {})}


MODELS = ("resnet18", "sparse_mlp", "blocks")  # with one of which every method can be chosen


@functools.cache
def allowed() -> list[tuple[str, str]]:
    """Pairs of optimizer and method that the Kconfig tree accepts, with some model."""
    kconf = tree.parse()
    names = [component.names(kind) for kind in ("optimizer", "method")]
    return [pair for pair in product(*names) if any(_taken(kconf, m, *pair) for m in MODELS)]


def _taken(kconf: Kconfig, model: str, optimizer: str, method: str) -> bool:
    kconf.unset_values()
    member = kconf.syms[f"PRUNING_SELECT_{method}".upper()]
    for name in (f"MODEL_SELECT_{model}", f"OPTIMIZER_SELECT_{optimizer}"):
        kconf.syms[name.upper()].set_value("y")
    kconf.syms["SHIFT_PERMUTED"].set_value("y")  # some methods act where tasks begin
    member.set_value("y")
    return bool(member.str_value == "y")
