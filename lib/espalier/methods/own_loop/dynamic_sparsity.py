"""Sparse training in a loop of the user's own: StaticSparse, and all that rewire, from SET to CHTs.

All take, by name, the arguments of `SparseOptions`, and all but StaticSparse those of
`RewiringOptions`. One that is left out has the default of its Kconfig symbol. All raise ValueError
or TypeError, in one line, for arguments that make no sense and for a model without a layer that
can be masked or whose weights the optimizer does not train.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Unpack

import torch
from torch import nn

from espalier.core.arguments import check_count, check_names, check_number, check_share
from espalier.kconfig.config_dataclass import with_defaults
from espalier.methods.own_loop.argument_checks import check_choices, check_scaler, given
from espalier.methods.own_loop.own_loop import LoopOptions, OwnLoop
from espalier.methods.rewiring import rigl
from espalier.methods.rewiring.cht import CannistraciHebb
from espalier.methods.rewiring.chts import SoftCannistraciHebb
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.dsr import SparseReparameterization
from espalier.methods.rewiring.granet import GradualRegrowth
from espalier.methods.rewiring.initial_mask import InitialMask
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.methods.rewiring.set import SparseEvolution
from espalier.methods.rewiring.snfs import SparseMomentum
from espalier.methods.rewiring.sparse_training import SparseTraining
from espalier.methods.rewiring.srigl import StructuredLottery
from espalier.methods.rewiring.static import Static
from espalier.methods.rewiring.topology.link_scores import NodeScore
from espalier.sparse.initial_edges import Init


class SparseOptions(LoopOptions, total=False):
    """What a sparse network begins with."""

    density: float  # share of the weights that live, (0, 1]; CONFIG_SPARSE_DENSITY
    allocation: Literal["uniform", "er", "erk"]  # to layers; CONFIG_SPARSE_ALLOCATION
    init: Init  # CONFIG_SPARSE_INIT


class RewiringOptions(SparseOptions, total=False):
    """When edges are replaced, and how many."""

    frequency: int  # steps from event to event; CONFIG_SPARSE_EVERY
    drop_fraction: float  # of the live weights, at first; CONFIG_SPARSE_SHARE
    stop: float  # when events end, as a share of all steps; CONFIG_SPARSE_STOP


class StaticSparse(OwnLoop):
    """Keep the edges of the first mask, drawn at random. Differs: it needs no `total_steps`."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        **options: Unpack[SparseOptions],
    ) -> None:
        check_names(type(self), options, SparseOptions.__annotations__)
        super().__init__(model, optimizer, Static(_plan(options)), 1, options)


class _Rewired(OwnLoop):
    """Base of those that have nothing of their own but the rule."""

    build: ClassVar[Callable[..., SparseTraining]]

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        total_steps: int,
        **options: Unpack[RewiringOptions],
    ) -> None:
        method = self.build(*_parts(type(self), total_steps, options))
        super().__init__(model, optimizer, method, total_steps, options)


class SET(_Rewired):
    """Drop the smallest magnitudes, grow at random: see `methods.rewiring.set`."""

    build = staticmethod(SparseEvolution)


class RigL(_Rewired):
    """Drop the smallest magnitudes, grow by dense gradient: see `methods.rewiring.rigl`."""

    build = staticmethod(rigl.RiggedLottery)


class DSR(_Rewired):
    """One threshold for all layers, growth where weights stay: see `methods.rewiring.dsr`."""

    build = staticmethod(SparseReparameterization)


class CHT(_Rewired):
    """Drop the smallest magnitudes, grow by link prediction: see `methods.rewiring.cht`."""

    build = staticmethod(CannistraciHebb)


class SNFS(OwnLoop):
    """Grow where a running average of the gradient is large: see `methods.rewiring.snfs`.

    `momentum` is what stays of the average from step to step, in [0, 1). Pass the `scaler` of a
    loop with loss scaling: the average is of gradients without the scale.
    """

    def __init__(  # noqa: PLR0913  # a method's own, beside those of all
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        total_steps: int,
        momentum: float | None = None,
        scaler: torch.amp.GradScaler | None = None,
        **options: Unpack[RewiringOptions],
    ) -> None:
        plan, schedule = _parts(type(self), total_steps, options)
        if momentum is not None:
            check_share("momentum", momentum, with_0=True)
        own = {} if momentum is None else {"momentum": momentum}
        method = with_defaults(SparseMomentum, plan=plan, schedule=schedule, **own)
        super().__init__(model, optimizer, method, total_steps, options)
        self.scaler = check_scaler(scaler)


class GraNet(OwnLoop):
    """Prune along a cubic ramp, regrow by gradient: see `methods.rewiring.granet`.

    `start_density` is the share of weights that live at first, in (0, 1].
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        total_steps: int,
        start_density: float | None = None,
        **options: Unpack[RewiringOptions],
    ) -> None:
        plan, schedule = _parts(type(self), total_steps, options)
        if start_density is not None:
            check_share("start_density", start_density, with_1=True)
        own = {} if start_density is None else {"start_density": start_density}
        method = with_defaults(GradualRegrowth, plan=plan, schedule=schedule, **own)
        super().__init__(model, optimizer, method, total_steps, options)


class SRigL(OwnLoop):
    """RigL with one fan-in for all units of a layer: see `methods.rewiring.srigl`.

    `min_salient` is the share of its fan-in that a unit needs as salient weights, in [0, 1].
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        total_steps: int,
        min_salient: float | None = None,
        **options: Unpack[RewiringOptions],
    ) -> None:
        plan, schedule = _parts(type(self), total_steps, options)
        if min_salient is not None:
            check_share("min_salient", min_salient, with_0=True, with_1=True)
        own = {} if min_salient is None else {"min_salient": min_salient}
        method = with_defaults(StructuredLottery, plan=plan, schedule=schedule, **own)
        super().__init__(model, optimizer, method, total_steps, options)


class CHTs(OwnLoop):
    """Draw what stays by weight and what comes by link prediction: see `methods.rewiring.chts`.

    `score` is that of missing links. Links stay in proportion to |w| to a power that goes from
    `first_exponent` to `last_exponent`.
    """

    def __init__(  # noqa: PLR0913  # a method's own, beside those of all
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        total_steps: int,
        score: NodeScore | None = None,
        first_exponent: float | None = None,
        last_exponent: float | None = None,
        **options: Unpack[RewiringOptions],
    ) -> None:
        plan, schedule = _parts(type(self), total_steps, options)
        exponents = {"first_exponent": first_exponent, "last_exponent": last_exponent}
        own: dict[str, Any] = {n: value for n, value in exponents.items() if value is not None}
        for name, value in own.items():
            _check_exponent(name, value)
        own |= {} if score is None else {"score": score}
        check_choices(SoftCannistraciHebb, own)
        method = with_defaults(SoftCannistraciHebb, plan=plan, schedule=schedule, **own)
        super().__init__(model, optimizer, method, total_steps, options)


def _check_exponent(name: str, value: Any) -> None:
    check_number(name, value)
    if not 0 <= value <= 100:
        raise ValueError(f"{name}={value:g}: must be at least 0 and at most 100")


def _parts(
    kind: type[OwnLoop], total_steps: int, options: Mapping[str, Any]
) -> tuple[SparsePlan, DropSchedule]:
    check_names(kind, options, RewiringOptions.__annotations__)
    check_count("total_steps", total_steps, 1)
    return _plan(options), _schedule(options)


def _plan(options: Mapping[str, Any]) -> SparsePlan:
    own = given(options, density="density", allocation="allocation", init="init")
    if "density" in own:
        check_share("density", own["density"], with_1=True)
    check_choices(SparsePlan, own)
    return with_defaults(
        SparsePlan, **own, start=InitialMask(start="random", epochs=None, randomness=None)
    )


def _schedule(options: Mapping[str, Any]) -> DropSchedule:
    own = given(options, every="frequency", initial_fraction="drop_fraction", stop="stop")
    if "every" in own:
        check_count("frequency", own["every"], 1)
    if "initial_fraction" in own:
        check_share("drop_fraction", own["initial_fraction"])
    if "stop" in own:
        check_share("stop", own["stop"], with_1=True)
    return with_defaults(DropSchedule, **own)
