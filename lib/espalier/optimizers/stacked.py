"""One update of K optimizers of one kind at once, each run with its own hyperparameters.

Worth it where calling K kernels costs more than the work in them, as on a GPU. All parameters of
a run lie side by side in one row of (K, N) matrices; hyperparameters are (K, 1) columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.optim import optimizer as torch_optimizer

from espalier.optimizers.layout import Layout, RunColumns, Stacks, find_layout

OptimizerType = TypeVar("OptimizerType", bound=type[torch.optim.Optimizer])


def stack_optimizers(
    optimizers: Sequence[torch.optim.Optimizer], columns: RunColumns, stacks: Stacks
) -> Stack | None:
    """Return a function that steps all `optimizers` once; None if each must step by itself.

    `columns[i][k]` is parameter i of run k, a view of row k of `stacks[i][0]`, and its gradient
    one of row k of `stacks[i][1]`. Those in `columns` have a gradient at every step, others never.
    The optimizers' state becomes views of stacks too, with its values kept, and stays as readable
    as ever. When runs leave, or after `load_state_dict`, stack anew: what is stacked does not
    follow.
    """
    kinds = {_kind(optimizer) for optimizer in optimizers}
    kind = kinds.pop() if len(kinds) == 1 else None
    groups = [optimizer.param_groups for optimizer in optimizers]
    layout = find_layout(groups, columns, stacks)
    if kind is None or layout is None or not all(kind.takes(run) for run in groups):
        return None
    stack = kind(optimizers, layout)
    return stack if stack.in_step else None


def stacked_by(
    stack: type[Stack], when: Callable[[Any], bool] = lambda optimizer: True
) -> Callable[[OptimizerType], OptimizerType]:
    """Register that `stack` steps several optimizers of the decorated class, if `when` is true.

    Of that class alone: a subclass may change the update.
    """

    def register(kind: OptimizerType) -> OptimizerType:
        _STACKS[kind] = stack, when
        return kind

    return register


_STACKS: dict[type, tuple[type[Stack], Callable[[Any], bool]]] = {}


def _kind(optimizer: torch.optim.Optimizer) -> type[Stack] | None:
    """Return what is registered for the optimizer's class, if nothing else acts at its steps."""
    stack, when = _STACKS.get(type(optimizer), (None, None))
    hooks = (
        optimizer._optimizer_step_pre_hooks,
        optimizer._optimizer_step_post_hooks,
        torch_optimizer._global_optimizer_pre_hooks,
        torch_optimizer._global_optimizer_post_hooks,
    )
    replaced = vars(optimizer).keys() & {"step"}  # as torch's schedulers do
    if stack is None or when is None or any(hooks) or replaced:
        return None
    return stack if when(optimizer) else None


class Stack(ABC):
    """K optimizers as one: `stack()` is a step of each, the host's part and then the device's.

    The device's part, `update`, never waits for the device and touches only tensors that stay
    where they are, so it may be captured in a CUDA graph; `prepare` goes before each replay.
    """

    READS: ClassVar[tuple[str, ...]]  # what the update reads of a group, besides the rate
    FIXED: ClassVar[dict[str, Any]]  # settings of a group that only their default can be stacked of
    in_step = True  # whether the runs' state allows to go on as one

    def __init__(self, optimizers: Sequence[Any], layout: Layout) -> None:
        self.optimizers = list(optimizers)
        for optimizer in optimizers:
            optimizer.forget_settings()  # schedules change them between steps of the stack alone
        self.layout = layout
        self._groups = [group for o in optimizers for group in o.param_groups]
        self._get = itemgetter(*self.READS, *self.FIXED)
        self._read: list[Any] = []
        self._forms = [self.form(optimizer.param_groups) for optimizer in optimizers]
        self._names = ["lr", *self.row(optimizers[0])]
        self.table = np.zeros((layout.runs, len(self._names)))  # float64, one row a run
        self._sent = np.full_like(self.table, np.nan)
        self.exact = torch.zeros(self.table.shape, dtype=torch.float64, device=layout.device)
        self.values = self.exact.to(layout.dtype)
        self._fill()
        with torch.no_grad():
            self.begin()

    @classmethod
    def takes(cls, groups: list[dict[str, Any]]) -> bool:
        """Return whether a run's groups differ in weight decay at most, and are not special."""
        same = ["lr", *(name for name in cls.READS if name != "weight_decay")]
        plain = all(group[name] == value for group in groups for name, value in cls.FIXED.items())
        floats = not any(isinstance(group["lr"], Tensor) for group in groups)
        return plain and floats and all(g[k] == groups[0][k] for g in groups for k in same)

    @classmethod
    def form(cls, groups: list[dict[str, Any]]) -> Any:
        """Return what decides which state and operations a run needs; it must not change.

        None where all runs have the same.
        """
        return None

    @abstractmethod
    def row(self, optimizer: Any) -> dict[str, float]:
        """Return the hyperparameters of a run by name, without the rate."""

    def count(self) -> None:  # noqa: B027  # most count nothing
        """Count a step on the host; the table is filled and not yet sent."""

    @abstractmethod
    def begin(self) -> None:
        """Take over the optimizers' state."""

    @abstractmethod
    def update(self) -> None:
        """Run the device's part of a step."""

    def __call__(self) -> None:
        """Step every run once."""
        self.prepare()
        self.update()

    def prepare(self) -> None:
        """Run the host's part: send hyperparameters to the device if they changed.

        Raises RuntimeError if they have become such that the runs must step one by one.
        """
        self._fill()
        self.count()
        if not np.array_equal(self.table, self._sent):
            self._sent = self.table.copy()
            table = torch.from_numpy(self._sent)
            table = table.pin_memory() if self.exact.is_cuda else table  # or the copy would wait
            self.exact.copy_(table, non_blocking=True)
            self.values.copy_(self.exact)

    def _fill(self) -> None:
        rates = np.array([group["lr"] for group in self._groups]).reshape(self.layout.runs, -1)
        read = [self._get(group) for group in self._groups]
        if read != self._read:
            self._check()
            self._read = read
            rows = [list(self.row(optimizer).values()) for optimizer in self.optimizers]
            self.table[:, 1:] = np.array(rows, dtype=float)
        if (rates != rates[:, :1]).any():
            raise RuntimeError("all groups of a stacked optimizer must have one learning rate")
        self.table[:, 0] = rates[:, 0]

    def _check(self) -> None:
        groups = [optimizer.param_groups for optimizer in self.optimizers]
        forms = [self.form(run) for run in groups]
        if self._forms != forms or not all(self.takes(run) for run in groups):
            raise RuntimeError("changed settings of an optimizer: it must be stacked anew")

    def column(self, name: str) -> Any:
        """Return a (K,) view of the host's table."""
        return self.table[:, self._names.index(name)]

    def of(self, name: str, values: Tensor | None = None) -> Tensor:
        """Return a hyperparameter (K, 1) on the device, in the parameters' or `values`' format."""
        j = self._names.index(name)
        return (self.values if values is None else values)[:, j : j + 1]

    def per_group(self, name: str, values: Tensor | None = None) -> Tensor:
        """Return (K, groups): a hyperparameter that each group has; its columns adjoin."""
        j = self._names.index(f"{name}0")
        return (self.values if values is None else values)[:, j : j + len(self.layout.groups)]

    def adopt(
        self, name: str, runs: Iterable[bool] | None = None, layout: Layout | None = None
    ) -> Tensor:
        """Return (K, N): the state `name`, that of `runs` (default: all) as views of it.

        With a `layout`, that of its parameters alone.
        """
        chosen = [True] * self.layout.runs if runs is None else list(runs)
        layout = layout or self.layout
        matrix = layout.zeros()
        self.take(name, [view for view in layout.views(matrix) if chosen[view[0]]])
        return matrix

    def take(self, name: str, views: list[tuple[int, Tensor, Tensor]]) -> None:
        """Make the state called `name` the given views: run, parameter, its part of a stack."""
        states = [self.optimizers[k].state[parameter] for k, parameter, _ in views]
        pairs = [
            (v[2], s[name]) for v, s in zip(views, states, strict=True) if s.get(name) is not None
        ]
        if pairs:
            torch._foreach_copy_([new for new, _ in pairs], [old for _, old in pairs])
        for state, (_, _, part) in zip(states, views, strict=True):
            state[name] = part
