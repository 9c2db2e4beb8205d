"""Pruning by criteria that are measured on the network, in a loop of the user's own.

    method = SnipPruning(model, optimizer, loader, F.cross_entropy, target_sparsity=0.9)

`batches` yields inputs and targets, as a DataLoader does, and is begun anew at each measurement;
`loss(model(inputs), targets)` returns their mean loss. Give training samples: what a criterion has
seen is no test any more. All take, by name, the arguments of `CriterionOptions`, and raise as
those of `own_loop.pruning` do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, TypeAlias, Unpack

import torch
from torch import Tensor, nn

from espalier.core.arguments import check_count
from espalier.kconfig.config_dataclass import with_defaults
from espalier.methods.own_loop.argument_checks import check_kinds, given
from espalier.methods.own_loop.own_loop import OwnLoop
from espalier.methods.own_loop.pruning_options import PruningOptions, plan_of
from espalier.methods.pruning.measured_criterion import DataCriterion
from espalier.methods.pruning.pruning_schedule import Timing
from espalier.methods.pruning.snip import Snip

Batches: TypeAlias = Iterable[tuple[Tensor, Tensor]]
Loss: TypeAlias = Callable[[Any, Tensor], Tensor]


class CriterionOptions(PruningOptions, total=False):
    """When a criterion is measured, and on how much."""

    ramp_end_step: int  # the end of the ramp, or the one shot; CONFIG_PRUNING_RAMP_END_EPOCH
    criterion_batches: int  # CONFIG_CRITERION_BATCHES
    criterion_rounds: int  # measurements at each pruning; CONFIG_CRITERION_ROUNDS


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
    """Base of those that have a criterion on samples."""

    criterion: ClassVar[type[MeasuredCriterion]]
    timing: ClassVar[Timing | None] = None
    allocation: ClassVar[str | None] = None
    parts: ClassVar[int | None] = None

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        batches: Batches,
        loss: Loss,
        **options: Unpack[CriterionOptions],
    ) -> None:
        check_kinds(model, optimizer)
        fields = _fields(type(self), self.timing, options)
        method = with_defaults(self.criterion, **fields[0])
        self.samples = _samples(model, batches, loss)
        super().__init__(model, optimizer, method, fields[1], options)


class SnipPruning(_Measured):
    """Prune by |w g|, in the constructor unless `timing` says else: see `methods.pruning.snip`."""

    criterion, timing = Snip, "start"


class GraspPruning(_Measured):
    """Prune by w * Hg, in the constructor unless `timing` says else: see `methods.pruning.grasp`.

    `loss` is given the model's outputs divided by the temperature.
    """

    criterion, timing = Grasp, "start"


class SynFlowPruning(_Measured):
    """Prune by synaptic flow, in the constructor unless told: see `methods.pruning.synflow`.

    Of `batches` the shape of an input is all that it looks at.
    """

    criterion, timing, parts = SynFlow, "start", 100


class WandaPruning(_Measured):
    """Prune by |w| ||x|| within each unit, unless told: see `methods.pruning.wanda`."""

    criterion, allocation = Wanda, "per_unit"


class OBDPruning(_Measured):
    """Prune by the empirical Fisher's w^2 / 2: see `methods.pruning.obd`.

    `loss` is called for single samples.
    """

    criterion = OptimalBrainDamage


class OBSPruning(_Measured):
    """Prune by block-wise Fisher inverses, and adapt the rest: see `methods.pruning.obs`.

    `loss` is called for single samples.
    """

    criterion = OptimalBrainSurgeon


def _samples(model: nn.Module, batches: Batches, loss: Loss) -> UserSamples:
    if not isinstance(batches, Iterable):
        raise TypeError(
            f"batches: must yield inputs and targets, not be a {type(batches).__name__}"
        )
    if not callable(loss):
        raise TypeError(f"loss: must be a function of outputs and targets, not {loss!r}")
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    return UserSamples(batches, loss, device)


def _fields(
    kind: type[OwnLoop], timing: Timing, options: Mapping[str, Any]
) -> tuple[dict[str, Any], int]:
    """Return the fields of a criterion, its plan among them, and the updates of the plan."""
    when = {"timing": timing, **{k: v for k, v in options.items() if k != "ramp_end_step"}}
    plan, steps = plan_of(kind, options.get("ramp_end_step"), when, CriterionOptions)
    own = given(options, batches="criterion_batches", rounds="criterion_rounds")
    for field, value in own.items():
        check_count(f"criterion_{field}", value, 1)
    return {"plan": plan, **own}, steps
