"""Fresh optimizers of any class, and what trying a class out shows of it.

An optimizer is made anew with the settings of another: arguments of its constructor are looked up
among its defaults and attributes. What its steps change in the groups (a step count, a sum of
weights) is no setting, and starts anew.

A class is tried out on a matrix (4, 3) and a vector, once with all of it and once with eight of
the elements alone: if both give those elements the same numbers, the class treats every element by
itself. The gradients are large, small, and orthogonal to the weights, so that limits of norms and
projections show.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from espalier.core.contracts import Switching
from espalier.sparse.optimizer_parts import tensors_of

Group = tuple[list[nn.Parameter], Mapping[str, Any]]
"""Parameters and the settings of their group."""

FAILURES = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
UNABLE = (*FAILURES, RuntimeError)
"""What an optimizer may raise that cannot be made or does not take a flat tensor."""
STEPS = 9
SIZES = (1.0, 30.0, 0.01)  # of gradients, in turn
SAME = 1e-4  # of the largest update: below is rounding
PART = (0, 2, 3, 5, 6, 7, 8, 10)  # elements of the matrix that are updated alone


@dataclass(frozen=True)
class Traits:
    """What trying a class out has shown."""

    counters: frozenset[str]  # entries of groups that steps change
    coupling: str  # why an element's update is not its own alone; empty if it is
    state: frozenset[str] = frozenset()  # names of what is kept of a parameter; none: not seen
    container: str = ""  # an entry of state with tensors of a parameter's shape, as list or mapping


def make(
    optimizer: torch.optim.Optimizer, groups: Sequence[Group], defaults: bool = False
) -> torch.optim.Optimizer:
    """Return a fresh optimizer of the class of `optimizer`, over `groups`.

    With `defaults`, settings are the class's as `optimizer` was made. Raises one of `UNABLE` if it
    cannot be made from what it shows of itself.
    """
    arguments: dict[str, Any] = {}
    for name, parameter in inspect.signature(type(optimizer)).parameters.items():
        if name == "params":
            arguments[name] = [{"params": list(ps), **settings} for ps, settings in groups]
        elif name in optimizer.defaults:
            arguments[name] = copy.copy(optimizer.defaults[name])
        elif name in vars(optimizer):
            value = vars(optimizer)[name]
            wraps = isinstance(value, torch.optim.Optimizer)
            arguments[name] = make(value, groups, defaults) if wraps else copy.copy(value)
        elif parameter.default is parameter.empty and parameter.kind is parameter.KEYWORD_ONLY:
            raise TypeError(f"its argument {name} is not among its attributes")
    fresh = type(optimizer)(**arguments)
    if isinstance(fresh, Switching):
        fresh.train()
    return fresh


def settings_of(group: Mapping[str, Any], counters: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a copy of a group's settings, without parameters and what counts its steps."""
    return {
        name: value.clone() if isinstance(value, Tensor) else value
        for name, value in group.items()
        if name != "params" and name not in counters
    }


_TRAITS: WeakKeyDictionary[torch.optim.Optimizer, Traits] = WeakKeyDictionary()


def traits_of(optimizer: torch.optim.Optimizer) -> Traits:
    """Return what the class of `optimizer` does, with its defaults; tried out at the first call."""
    if optimizer not in _TRAITS:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            _TRAITS[optimizer] = _try_out(optimizer)
    return _TRAITS[optimizer]


def _try_out(optimizer: torch.optim.Optimizer) -> Traits:
    try:
        counters, state, container = _look_at(optimizer)
        groups = [settings_of(group, counters) for group in optimizer.param_groups]
        coupled = any(_couples(optimizer, settings) for settings in groups)
    except UNABLE as error:
        return Traits(frozenset(), f"none of its class can be made for some elements ({error})")
    coupling = "an element's update depends on others" if coupled else ""
    return Traits(counters, coupling, state, container)


def _look_at(optimizer: torch.optim.Optimizer) -> tuple[frozenset[str], frozenset[str], str]:
    """Return the `counters`, the `state` and the `container` of `Traits`."""
    matrix = nn.Parameter(_numbers(12).view(4, 3))
    fresh = make(optimizer, [([matrix], {})])
    before = copy.deepcopy(settings_of(fresh.param_groups[0]))
    for _ in _steps(fresh, [matrix]):
        pass
    after = settings_of(fresh.param_groups[0])
    counters = frozenset(name for name, v in after.items() if not _equal(before.get(name), v)) | (
        frozenset(name for name in optimizer.param_groups[0] if name not in after) - {"params"}
    )
    held = dict(tensors_of(fresh, matrix))
    inner = (name for name, tensor in held.items() if "." in name and tensor.shape == matrix.shape)
    return counters, frozenset(held), next(inner, "").partition(".")[0]


def _equal(a: object, b: object) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.equal(a, b)
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return False
    return a == b


def _couples(optimizer: torch.optim.Optimizer, settings: Mapping[str, Any]) -> bool:
    """Return whether elements of a matrix get other numbers alone than in the whole."""
    device = next(p.device for g in optimizer.param_groups for p in g["params"])
    like = torch.empty(0, device=device, dtype=_precise(device))
    matrix = nn.Parameter(_numbers(12).view(4, 3).to(like))
    vector = nn.Parameter(_numbers(3).to(like))
    part = torch.tensor(PART, device=device)
    few = nn.Parameter(matrix.detach().flatten()[part].clone())
    whole = make(optimizer, [([matrix, vector], settings)])
    alone = make(optimizer, [([few], settings)])
    for gradient in _steps(whole, [matrix, vector]):
        before = few.detach().clone()
        few.grad = gradient.flatten()[part].clone()
        alone.step()
        update = (few.detach() - before).abs().max()
        apart = (matrix.detach().flatten()[part] - few.detach()).abs().max()
        if bool(apart > SAME * update + 64 * torch.finfo(few.dtype).eps):
            return True
    return False


def _steps(optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter]) -> Iterator[Tensor]:
    """Step with gradients of all sizes, some orthogonal to the weights; yield the first of each."""
    for number in range(STEPS):
        first: Tensor | None = None
        for place, p in enumerate(parameters):
            gradient = _numbers(p.numel(), number + 7 * place).view_as(p).to(p)
            if number % 3 == 1 and p.ndim > 1:
                w = p.detach()
                along = (gradient * w).sum(1, keepdim=True) / w.square().sum(1, keepdim=True)
                gradient = gradient - along * w
            p.grad = gradient * SIZES[number // 3 % len(SIZES)]
            first = p.grad.clone() if first is None else first  # some change it in place
        assert first is not None
        optimizer.step()
        yield first


def _precise(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64


def _numbers(count: int, seed: int = 0) -> Tensor:
    """Return `count` numbers of either sign, the same each time."""
    return torch.randn(count, generator=torch.Generator().manual_seed(seed + 1))
