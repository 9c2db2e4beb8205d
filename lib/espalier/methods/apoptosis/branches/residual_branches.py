"""Residual branches of a model, x + f(x), and the parameters of f, found in one pass.

A branch is known by its *last* layer, whose output is added to what the branch began from. It is
found by cutting it, one layer after another: with a layer's output held at 0,

* the gradient by that output is the gradient by a value that was there before and that the output
  was made from: so the two are added, and nothing else is done with that value;
* the parameters that no longer reach the model's output are the branch's own.

So nothing depends on names, nor on where a network normalises. Not found are branches that share
one sum with others (parallel attention and feed-forward), that go beside a projection, that are
scaled before the sum, and the attention of `torch.nn`, which never calls its last layer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from espalier.surgery.probe import evaluating

SCALABLE = (nn.Linear, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)
"""Layers whose output is so many times larger as their weight and bias are."""
SMALL = 1e-12


@dataclass(frozen=True)
class TapPoint:
    """A value of the forward pass: what a module puts out, or its first input."""

    module: nn.Module
    received: bool


@dataclass(frozen=True)
class BranchParameter:
    """A parameter of a branch, and the layer it belongs to."""

    owner: nn.Module
    name: str  # within the owner

    @property
    def parameter(self) -> nn.Parameter:
        """The parameter."""
        return self.owner.get_parameter(self.name)


@dataclass(frozen=True)
class Branch:
    """A residual branch: its last layer, its other parameters, and where the stream can be seen."""

    name: str  # the last layer's, dotted, as in `model.named_modules()`
    last: nn.Module
    inner: tuple[
        BranchParameter, ...
    ]  # all its parameters but the last layer's, in the model's order
    stream: TapPoint

    @property
    def outlet(self) -> list[nn.Parameter]:
        """Weight and bias of the last layer: the branch's output is proportional to them."""
        return list(self.last.parameters())

    @property
    def kind(self) -> tuple[Any, ...]:
        """Equal for branches that can take each other's parameters."""
        members = ((type(m.owner), m.name, m.parameter.shape) for m in self.inner)
        return (type(self.last), *(p.shape for p in self.outlet), *members)

    def tensors(self) -> list[Tensor]:
        """Return all parameters and buffers of the branch."""
        layers = [self.last, *self.owners()]
        inner = [member.parameter for member in self.inner]
        return [*self.outlet, *inner, *(x for layer in layers for x in layer.buffers(False))]

    def owners(self) -> list[nn.Module]:
        """Return the layers that the inner parameters belong to, in order."""
        return list(dict.fromkeys(member.owner for member in self.inner))


def find_branches(model: nn.Module, x: Tensor, patterns: Sequence[str] = ()) -> list[Branch]:
    """Return the residual branches of `model`, in its own order, found with inputs `x` (n, ...).

    With `patterns` those whose last layers' names match one (`blocks.*.ffn.3`), without any all
    that are not inside another. Raises ValueError if a pattern matches none, or if there are none.
    """
    if x.is_floating_point():
        x = x.detach().requires_grad_()  # so that it is seen where a branch begins from it
    with evaluating(model), torch.enable_grad():
        branches = list(branches_of(model, x))
    if not branches:
        raise ValueError("the model has no residual branch whose last layer can be told")
    return _named(branches, patterns) if patterns else _outermost(branches)


def _named(branches: list[Branch], patterns: Sequence[str]) -> list[Branch]:
    names = ", ".join(branch.name for branch in branches)
    for pattern in patterns:
        if not any(fnmatchcase(branch.name, pattern) for branch in branches):
            raise ValueError(f"{pattern!r} names no residual branch; this model's end in: {names}")
    chosen = [b for b in branches if any(fnmatchcase(b.name, pattern) for pattern in patterns)]
    owned = Counter(id(p) for branch in chosen for p in _parameters(branch))
    if max(owned.values()) > 1:
        raise ValueError(f"one branch is inside another among: {', '.join(b.name for b in chosen)}")
    return chosen


def _outermost(branches: list[Branch]) -> list[Branch]:
    sets = [{id(p) for p in _parameters(branch)} for branch in branches]
    inside = [any(own < other for other in sets) for own in sets]
    return [branch for branch, hidden in zip(branches, inside, strict=True) if not hidden]


def _parameters(branch: Branch) -> list[nn.Parameter]:
    return [*branch.outlet, *(member.parameter for member in branch.inner)]


@dataclass
class _Pass:
    """Values recorded in a forward pass, in order; only those that have a gradient.

    The output of `cut`, if there is one, is replaced by `zero`.
    """

    cut: nn.Module | None = None
    zero: Tensor | None = None
    places: list[TapPoint] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)
    calls: Counter[nn.Module] = field(default_factory=Counter)

    def record_input(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        self.calls[module] += 1
        self._record(TapPoint(module, True), args[0] if args else None)

    def record_output(self, module: nn.Module, args: Any, output: Any) -> Any:
        del args
        if module is self.cut:
            self.zero = torch.zeros_like(output).requires_grad_()
            return self.zero.clone()
        self._record(TapPoint(module, False), output)
        return None

    def _record(self, place: TapPoint, value: Any) -> None:
        if isinstance(value, Tensor) and value.requires_grad:
            self.places.append(place)
            self.values.append(value)


@contextmanager
def _recording(model: nn.Module, seen: _Pass) -> Iterator[None]:
    handles: list[Any] = []
    try:
        for module in model.modules():
            handles.append(module.register_forward_pre_hook(seen.record_input))
            handles.append(module.register_forward_hook(seen.record_output))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _score(model: nn.Module, x: Tensor, seen: _Pass) -> Tensor:
    """Return a number that depends on every output, each in a way of its own."""
    with _recording(model, seen):
        out = model(x)
    factors = torch.arange(out.numel(), device=out.device, dtype=out.dtype).cos_()
    total: Tensor = (out * factors.view_as(out)).sum()
    return total


def branches_of(model: nn.Module, x: Tensor) -> Iterator[Branch]:
    """Yield all branches, nested ones as well, of a model in evaluation mode."""
    whole = _Pass()
    trained = [p for p in model.parameters() if p.requires_grad]
    total = _score(model, x, whole)
    slopes = torch.autograd.grad(total, trained, retain_graph=True, allow_unused=True)
    reaching = [p for p, slope in zip(trained, slopes, strict=True) if slope is not None]
    for name, last in model.named_modules():
        sources = _sources(whole, last) if isinstance(last, SCALABLE) else []
        if sources:
            own, stream = _cut(model, x, last, sources, reaching)
            if stream is not None and own.issuperset(last.parameters()):
                yield Branch(name, last, _inner(model, last, own), whole.places[stream])


def _sources(whole: _Pass, last: nn.Module) -> list[int]:
    """Return which values before `last`, of its output's shape, it is made from."""
    if whole.calls[last] != 1 or TapPoint(last, False) not in whole.places:
        return []
    end = whole.places.index(TapPoint(last, False))
    output = whole.values[end]
    values, calls = whole.values[:end], whole.calls
    alike = [i for i, value in enumerate(values) if value.shape == output.shape]
    near = [i for i in alike if calls[whole.places[i].module] == 1]
    if not near:
        return []
    inputs, ones = [values[i] for i in near], torch.ones_like(output)
    slopes = torch.autograd.grad(output, inputs, ones, retain_graph=True, allow_unused=True)
    return [i for i, slope in zip(near, slopes, strict=True) if slope is not None]


def _cut(
    model: nn.Module, x: Tensor, last: nn.Module, sources: list[int], reaching: list[nn.Parameter]
) -> tuple[set[nn.Parameter], int | None]:
    """Run a pass in which `last` puts out 0.

    Return the parameters that no longer reach the output, and the latest of `sources` that the
    output of `last` is added to, if it is added to one.
    """
    seen = _Pass(cut=last)
    total = _score(model, x, seen)
    assert seen.zero is not None
    inputs = [seen.zero, *(seen.values[i] for i in sources), *reaching]
    slope, *others = torch.autograd.grad(total, inputs, allow_unused=True)
    ways = zip(reaching, others[len(sources) :], strict=True)
    own = {parameter for parameter, gradient in ways if gradient is None}
    if slope is None or not slope.any():
        return own, None
    candidates = zip(sources, others, strict=False)
    added = [i for i, other in candidates if other is not None and torch.equal(other, slope)]
    return own, added[-1] if added else None


def _inner(
    model: nn.Module, last: nn.Module, own: set[nn.Parameter]
) -> tuple[BranchParameter, ...]:
    return tuple(
        BranchParameter(module, name)
        for module in model.modules()
        if module is not last
        for name, parameter in module.named_parameters(recurse=False)
        if parameter in own
    )


@torch.no_grad()
def contributions(model: nn.Module, branches: Sequence[Branch], x: Tensor) -> list[float]:
    """Return how large each branch's output is beside its stream, on inputs x (n, ...).

    The ratio of their root mean squares, as in evaluation.
    """
    places = {b.stream for b in branches} | {TapPoint(b.last, False) for b in branches}
    sizes: dict[TapPoint, Tensor] = {}
    handles = [_size_hook(place, sizes) for place in places]
    try:
        with evaluating(model):
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    ratios = [sizes[TapPoint(b.last, False)] / (sizes[b.stream] + SMALL) for b in branches]
    return [float(ratio) for ratio in ratios]


def _size_hook(place: TapPoint, sizes: dict[TapPoint, Tensor]) -> Any:
    """Install a hook that writes the root mean square of the value at `place` into `sizes`."""

    def note(module: nn.Module, args: tuple[Tensor, ...], *output: Tensor) -> None:
        del module
        value = args[0] if place.received else output[0]
        sizes[place] = value.square().mean().sqrt()

    if place.received:
        return place.module.register_forward_pre_hook(note)
    return place.module.register_forward_hook(note)
