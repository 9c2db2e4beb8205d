"""Pruning by criteria that are measured on the network, in a loop of the user's own.

    method = SnipPruning(model, optimizer, loader, F.cross_entropy, target_sparsity=0.9)

`batches` yields inputs and targets, as a DataLoader does, and is begun anew at each measurement;
`loss(model(inputs), targets)` returns their mean loss. Give training samples: what a criterion has
seen is no test any more. All take, by name, the arguments of `CriterionOptions`, and raise as
those of `own_loop.pruning` do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, TypeAlias, Unpack

import torch
from torch import Tensor, nn

from espalier.core.arguments import check_count, check_names, check_number
from espalier.kconfig import defaults
from espalier.kconfig.config_dataclass import with_defaults
from espalier.methods.own_loop.argument_checks import check_choices, check_kinds, given
from espalier.methods.own_loop.own_loop import OwnLoop
from espalier.methods.own_loop.pruning_options import PruningOptions, plan_of
from espalier.methods.pruning.grasp import Grasp
from espalier.methods.pruning.measured_criterion import MeasuredCriterion
from espalier.methods.pruning.obd import OptimalBrainDamage
from espalier.methods.pruning.obs import OptimalBrainSurgeon
from espalier.methods.pruning.random_pruning import RandomWeights
from espalier.methods.pruning.snip import Snip
from espalier.methods.pruning.synflow import SynFlow
from espalier.methods.pruning.wanda import Wanda

Batches: TypeAlias = Iterable[tuple[Tensor, Tensor]]
Loss: TypeAlias = Callable[[Any, Tensor], Tensor]


class CriterionOptions(PruningOptions, total=False):
    """When a criterion is measured, and on how much; those of single classes at the end."""

    ramp_end_step: int  # the end of the ramp, or the one shot; CONFIG_PRUNING_RAMP_END_EPOCH
    criterion_batches: int  # CONFIG_CRITERION_BATCHES
    criterion_rounds: int  # measurements at each pruning; CONFIG_CRITERION_ROUNDS
    temperature: float  # of GraSP; CONFIG_GRASP_TEMPERATURE
    curvature: str  # of OBD; CONFIG_OBD_CURVATURE
    probes: int  # of OBD; CONFIG_OBD_PROBES
    block: int  # of OBS; CONFIG_OBS_BLOCK
    damping: float  # of OBS; CONFIG_OBS_DAMPING
    adapt: bool  # of OBS; CONFIG_OBS_ADAPT


OF_ALL = {"batches": "criterion_batches", "rounds": "criterion_rounds"}
"""The fields of criteria, and the options that give them."""
SHARED = frozenset(PruningOptions.__annotations__)


@dataclass(frozen=True)
class UserSamples:
    """The samples and the loss of a user, on the device of the weights."""

    source: Batches
    function: Loss
    device: torch.device

    def batches(self, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the first `count` batches. Raises ValueError if there is none."""
        empty = True
        for batch in islice(iter(self.source), count):
            if not (isinstance(batch, tuple | list) and len(batch) == 2):
                raise TypeError(f"batches: yields a {type(batch).__name__}, not inputs and targets")
            x, y = batch
            yield x.to(self.device), y.to(self.device)
            empty = False
        if empty:
            raise ValueError("batches: has no batch (left) to measure a criterion on")

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return the mean loss. Raises ValueError unless it is one number."""
        value = self.function(outputs, targets)
        if value.ndim:
            raise ValueError(f"loss: returns {tuple(value.shape)} numbers, not their mean")
        return value


class _Measured(OwnLoop):
    """Base of those that have a criterion on samples, with options `own` of itself alone."""

    criterion: ClassVar[type[MeasuredCriterion]]
    own: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        batches: Batches,
        loss: Loss,
        **options: Unpack[CriterionOptions],
    ) -> None:
        check_kinds(model, optimizer)
        method, steps = _method(type(self), self.criterion, self.own, options)
        self.samples = _samples(model, batches, loss)
        super().__init__(model, optimizer, method, steps, options)


class SnipPruning(_Measured):
    """Prune by |w g|, in the constructor unless `timing` says else: see `methods.pruning.snip`."""

    criterion = Snip


class GraspPruning(_Measured):
    """Prune by w * Hg, in the constructor unless `timing` says else: see `methods.pruning.grasp`.

    `loss` is given the model's outputs divided by `temperature`.
    """

    criterion, own = Grasp, ("temperature",)


class SynFlowPruning(_Measured):
    """Prune by synaptic flow, in the constructor unless `timing` says else.

    Of `batches` the shape of an input is all that it looks at. See `methods.pruning.synflow`.
    """

    criterion = SynFlow


class WandaPruning(_Measured):
    """Prune by |w| ||x||, compared within each unit: see `methods.pruning.wanda`."""

    criterion = Wanda


class OBDPruning(_Measured):
    """Prune by h w^2 / 2 with a `curvature` h of the loss: see `methods.pruning.obd`."""

    criterion, own = OptimalBrainDamage, ("curvature", "probes")


class OBSPruning(_Measured):
    """Prune by what removal costs after a `block` has adapted: see `methods.pruning.obs`."""

    criterion, own = OptimalBrainSurgeon, ("block", "damping", "adapt")


class RandomPruning(OwnLoop):
    """Prune at random: the control of all criteria. See `methods.pruning.random_pruning`."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        ramp_end_step: int | None = None,
        **options: Unpack[PruningOptions],
    ) -> None:
        plan, steps = plan_of(type(self), ramp_end_step, options)
        super().__init__(model, optimizer, RandomWeights(plan), steps, options)


def _samples(model: nn.Module, batches: Batches, loss: Loss) -> UserSamples:
    if not isinstance(batches, Iterable):
        kind = type(batches).__name__
        raise TypeError(f"batches: must yield inputs and targets, not be a {kind}")
    if not callable(loss):
        raise TypeError(f"loss: must be a function of outputs and targets, not {loss!r}")
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    return UserSamples(batches, loss, device)


def _method(
    kind: type[OwnLoop],
    criterion: type[MeasuredCriterion],
    own: tuple[str, ...],
    options: Mapping[str, Any],
) -> tuple[MeasuredCriterion, int]:
    """Return a criterion with its plan, and the updates of the plan. Raises as constructors do."""
    fields = {k: v for k, v in OF_ALL.items() if k in criterion.__dataclass_fields__}
    shared = [*PruningOptions.__annotations__, "ramp_end_step", *fields.values(), *own]
    check_names(kind, options, shared)
    options = {**_published(criterion), **{k: v for k, v in options.items() if v is not None}}
    plan, steps = plan_of(
        kind, options.get("ramp_end_step"), {k: v for k, v in options.items() if k in SHARED}
    )
    values = given(options, **fields, **{name: name for name in own})
    _check_values(criterion, values)
    return with_defaults(criterion, plan=plan, **values), steps


def _published(criterion: type[MeasuredCriterion]) -> dict[str, Any]:
    """Return the options by which a criterion was published: defaults of Kconfig."""
    member = f"PRUNING_SELECT_{criterion.__module__.rpartition('.')[2].upper()}"
    brought = defaults.brought_by(member)
    options: dict[str, Any] = {
        "timing": brought.get("PRUNING_TIMING"),
        "allocation": brought.get("PRUNING_ALLOCATION"),
        "criterion_rounds": brought.get("CRITERION_ROUNDS"),
    }
    parts = options["criterion_rounds"]
    return {**options, "criterion_rounds": None if parts is None else int(parts)}


def _check_values(criterion: type[MeasuredCriterion], values: Mapping[str, Any]) -> None:
    check_choices(criterion, values)
    for field in ("batches", "rounds", "block", "probes"):
        if field in values:
            check_count(OF_ALL.get(field, field), values[field], 1)
    for field in ("temperature", "damping"):
        if field in values:
            _check_positive(field, values[field])


def _check_positive(name: str, value: Any) -> None:
    check_number(name, value)
    if not 0 < value < math.inf:
        raise ValueError(f"{name}={value:g}: must be above 0 and finite")
