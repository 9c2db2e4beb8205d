"""The options that all pruning in a loop of the user's own shares, and the plan that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from espalier.core.arguments import check_count, check_names, check_share
from espalier.kconfig.config_dataclass import with_defaults
from espalier.methods.own_loop.argument_checks import check_choices, given
from espalier.methods.own_loop.own_loop import LoopOptions, OwnLoop
from espalier.methods.pruning.pruning_schedule import PruningPlan, Rewind, Timing
from espalier.sparse.schedule import Curve


class PruningOptions(LoopOptions, total=False):
    """How far weights are pruned, and when; the ramp as `AdamWPrune` has it."""

    target_sparsity: float  # share of the weights, (0, 1); CONFIG_TARGET_SPARSITY
    warmup_steps: int  # before the ramp; CONFIG_PRUNING_WARMUP
    frequency: int  # steps from one change of the masks to the next; CONFIG_PRUNING_FREQUENCY
    curve: Curve  # of the ramp; CONFIG_PRUNING_CURVE
    allocation: Literal["global", "per_layer", "per_unit", "erk", "depth"]
    timing: Timing  # when weights go; CONFIG_PRUNING_TIMING
    total_steps: int  # of all rounds together, for timing="rounds"
    rounds: int  # that end with pruning; CONFIG_PRUNING_ROUNDS
    rewind: Rewind  # what goes back after a round; CONFIG_PRUNING_REWIND
    rewind_step: int  # to which step; CONFIG_PRUNING_REWIND_STEP


FIELDS = {
    "target": "target_sparsity",
    "warmup": "warmup_steps",
    "frequency": "frequency",
    "curve": "curve",
    "allocation": "allocation",
    "timing": "timing",
    "rounds": "rounds",
    "rewind": "rewind",
    "rewind_step": "rewind_step",
}
"""The fields of a plan, and the options that give them."""
OF_A_RAMP = frozenset({"warmup_steps", "frequency", "curve"})
OF_ROUNDS = frozenset({"total_steps", "rounds", "rewind", "rewind_step"})
LEAST = {"frequency": 1, "warmup_steps": 0, "rounds": 1, "rewind_step": 0}
"""The least value of the options that count."""


def plan_of(
    kind: type[OwnLoop], ramp_end_step: int | None, options: Mapping[str, Any]
) -> tuple[PruningPlan, int]:
    """Return the plan of a run in which every update is an epoch, and its number of updates.

    Raises ValueError or TypeError.
    """
    check_names(kind, options, PruningOptions.__annotations__)
    values = given(options, **FIELDS)
    check_choices(PruningPlan, values)
    if "target" in values:
        check_share("target_sparsity", values["target"])
    for name, least in LEAST.items():
        if options.get(name) is not None:
            check_count(name, options[name], least)
    if ramp_end_step is not None:
        check_count("ramp_end_step", ramp_end_step, 1)
        values["ramp_end_epoch"] = ramp_end_step
    plan = with_defaults(PruningPlan, **values)
    _check_timing(plan.timing, {**options, "ramp_end_step": ramp_end_step})
    return plan, _length(plan, ramp_end_step, options)


def _check_timing(timing: Timing, options: Mapping[str, Any]) -> None:
    """Raise ValueError for an option that means nothing with this timing."""
    foreign = set() if timing == "rounds" else set(OF_ROUNDS)
    foreign |= set() if timing == "gradual" else OF_A_RAMP
    foreign |= set() if timing in ("gradual", "one_shot") else {"ramp_end_step"}
    for name in sorted(foreign):
        if options.get(name) is not None:
            raise ValueError(f"{name}: means nothing where timing={timing!r}; leave it out")


def _length(plan: PruningPlan, ramp_end_step: int | None, options: Mapping[str, Any]) -> int:
    """Return the updates within which a plan acts. Raises ValueError for one without an end."""
    if plan.timing == "start":
        return 1
    if plan.timing == "rounds":
        return _needed("total_steps", options.get("total_steps"), plan.timing)
    last = _needed("ramp_end_step", ramp_end_step, plan.timing)
    if plan.timing == "gradual" and (plan.warmup or 0) >= last:
        raise ValueError(
            f"warmup_steps={plan.warmup}: must be below ramp_end_step={last}, or nothing would be "
            "pruned"
        )
    return last


def _needed(name: str, value: int | None, timing: Timing) -> int:
    if value is None:
        raise ValueError(f"{name}: must be given where timing={timing!r}")
    check_count(name, value, 1)
    return value
