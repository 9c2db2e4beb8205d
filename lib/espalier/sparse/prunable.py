"""Which weights of a model masks can be put on, and which are left out and why.

Covered are the matrices of linear layers, convolutions of any dimension, attention and recurrent
layers that are trained parameters of their own: where such a number is 0 the network has one
connection less. Not covered, and named with the reason, are computed weights (`weight_norm`,
parametrizations, torch's prune), frozen ones, embeddings and what shares their table, layers with
a forward of their own, and matrices that no layer known here holds.

A matrix that stacks several, as `in_proj_weight` or those of the gates of a GRU, is one layer.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple, TypeAlias

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from espalier.sparse import processes
from espalier.sparse.matrix_layers import Embeddings, Matrix, find_matrices, find_originals
from espalier.sparse.orientation import ROWS, Orientation

ENOUGH = 0.9
"""The share of the weights in matrices that a method may cover without a warning."""
MOST = 4
"""How many weights a message names."""
EMBEDDING = "an embedding"
UNNAMED = "layers= does not name it"
Layers: TypeAlias = str | Sequence[str] | None


@dataclass(frozen=True)
class Coverage:
    """The weights of a model that can be masked, by name, and what is `left_out` with the reason.

    `orientations` says how each of `weights` lies. `share` is the part of the numbers in matrices
    (parameters with two dimensions above 1, and all `weights`) that is covered, in [0, 1]; 1 for a
    model that has none.
    """

    weights: dict[str, Tensor]
    left_out: dict[str, str] = field(default_factory=dict)
    orientations: dict[str, Orientation] = field(default_factory=dict)
    share: float = 1.0
    is_chosen: bool = False  # by names that the user gave

    def require(self, who: str) -> Coverage:
        """Return this, after a warning in one line if `share` is under 90 %.

        Raises ValueError if there is nothing to mask. `who` is what the user calls: a class.
        """
        if not self.weights:
            raise ValueError(f"{who}: {self.describe_nothing()}")
        if self.share < ENOUGH and not self.is_chosen:
            warnings.warn(f"{who}: {self.describe()}", stacklevel=3)
        return self

    def describe(self) -> str:
        """Return one line: the share that is covered, and what is left out and why."""
        head = f"{100 * self.share:.3g} % of the weights in matrices can be pruned"
        return f"{head}; left out: {self.describe_left_out()}" if self.left_out else head

    def describe_nothing(self) -> str:
        """Return one line for a model without a weight that can be masked."""
        head = "the model has no linear or convolution layer whose weight can be masked"
        return f"{head}; left out: {self.describe_left_out()}" if self.left_out else head

    def describe_left_out(self, limit: int = MOST) -> str:
        """Return the first `limit` weights that are left out, with their reasons."""
        first = [f"{name} ({reason})" for name, reason in list(self.left_out.items())[:limit]]
        more = len(self.left_out) - limit
        return ", ".join(first) + (f" and {more} more" if more > 0 else "")


class Use(NamedTuple):
    """One place of a weight: its name there, how it lies, and why it cannot be masked, if so."""

    name: str
    weight: Tensor
    orientation: Orientation = ROWS
    reason: str = ""
    kind: Literal["layer", "table", "other"] = "layer"


class MatrixCandidate(NamedTuple):
    """A weight with all of its names, the first of which it goes by."""

    names: tuple[str, ...]
    weight: Tensor
    orientation: Orientation
    reason: str

    @property
    def name(self) -> str:
        """The name that it goes by."""
        return self.names[0]


def prunable(model: nn.Module, layers: Layers = None) -> dict[str, Tensor]:
    """Return the weights that can be masked, by name, shared ones once: see `cover`."""
    return cover(model, layers).weights


def cover(model: nn.Module, layers: Layers = None) -> Coverage:
    """Return which weights of `model` can be masked, in the order of its modules.

    `layers` are names of weights, layers or groups of layers, in which `*` stands for anything:
    only weights there are covered. Raises ValueError for a name that nothing has, for one of
    weights that cannot be masked, and for a model with lazy layers that have not seen a batch.
    """
    candidates = find_candidates(model)
    chosen = candidates if layers is None else select(candidates, layers)
    names = {candidate.name for candidate in chosen}
    covered = [c for c in chosen if not c.reason]
    left_out = {c.name: c.reason or UNNAMED for c in candidates if c.reason or c.name not in names}
    total = sum(c.weight.numel() for c in candidates)
    return Coverage(
        {c.name: c.weight for c in covered},
        left_out,
        {c.name: c.orientation for c in covered},
        sum(c.weight.numel() for c in covered) / total if total else 1.0,
        is_chosen=layers is not None,
    )


def find_candidates(model: nn.Module) -> list[MatrixCandidate]:
    """Return every matrix of a model once, those too that cannot be masked."""
    uses: dict[int, list[Use]] = {}
    for use in _find_uses(processes.wrapped(model)):
        if is_lazy(use.weight):
            raise ValueError(f"{use.name} has no size yet: run a batch through the model first")
        uses.setdefault(id(use.weight), []).append(use)
    return [_settle(places) for places in uses.values()]


def _find_uses(model: nn.Module) -> Iterator[Use]:
    """Yield every place of every matrix; a shared one comes several times."""
    computing: dict[int, str] = {}  # parameters that a parametrization computes a weight from
    for path, module in model.named_modules(remove_duplicate=False):
        prefix = f"{path}.".replace(f"{processes.COMPILED}.", "") if path else ""
        matrices = find_matrices(module)
        for matrix in matrices:
            for parameter in find_originals(module, matrix.name):
                computing[id(parameter)] = matrix.reason
        held = ((name, p) for name, p in module._parameters.items() if p is not None)
        for name, weight in held:
            use = _use_in(module, name, weight, matrices)
            if use is not None:
                reason = (
                    computing.get(id(weight), use.reason) if use.kind == "other" else use.reason
                )
                yield use._replace(name=prefix + name, reason=reason)


def _use_in(module: nn.Module, name: str, weight: Tensor, matrices: Sequence[Matrix]) -> Use | None:
    """Return the use of a parameter by the module that holds it; None if it is no matrix."""
    for matrix in matrices:
        if matrix.name == name:
            return Use(name, weight, matrix.orientation, matrix.reason)
    if isinstance(module, Embeddings):
        return Use(name, weight, reason=EMBEDDING, kind="table")
    if is_lazy(weight) or sum(size > 1 for size in weight.shape) > 1:
        reason = next((m.reason for m in matrices if m.reason), "")
        itself = f"{type(module).__name__} holds it itself"
        return Use(name, weight, reason=reason or itself, kind="other")
    return None


def _settle(places: Sequence[Use]) -> MatrixCandidate:
    """Return a weight by all its places: a layer's name and reasons go before those of others."""
    layers = [use for use in places if use.kind == "layer"]
    tables = [use for use in places if use.kind == "table"]
    first = (layers or tables or list(places))[0]
    names = dict.fromkeys([first.name, *(use.name for use in places)])
    reason = next((use.reason for use in layers if use.reason), "")
    if not reason and layers and tables:
        reason = f"it is the table of the embedding {tables[0].name} too"
    if not reason and not layers:
        reason = first.reason
    return MatrixCandidate(
        tuple(names), first.weight, first.orientation, reason or _forbid(first.weight)
    )


def _forbid(weight: Tensor) -> str:
    """Return why a weight of a layer cannot be masked by itself, "" if it can."""
    if not weight.requires_grad:
        return "it is frozen"
    if weight.is_complex():
        return "complex numbers have no order"
    return "" if weight.numel() else "it is empty"


def select(
    candidates: Sequence[MatrixCandidate], layers: str | Sequence[str]
) -> list[MatrixCandidate]:
    """Return the candidates that `layers` name. Raises ValueError: see `cover`."""
    patterns = [layers] if isinstance(layers, str) else layers
    is_list = isinstance(patterns, Sequence) and len(patterns) > 0
    if not is_list or not all(isinstance(pattern, str) for pattern in patterns):
        raise ValueError(f"layers={layers!r} must be names of layers, such as 'blocks.*.mlp'")
    chosen: dict[str, MatrixCandidate] = {}
    for pattern in patterns:
        hits = [c for c in candidates if any(_is_in(name, pattern) for name in c.names)]
        _check_hits(pattern, hits, candidates)
        chosen |= {hit.name: hit for hit in hits}
    return [c for c in candidates if c.name in chosen]


def _check_hits(
    pattern: str, hits: Sequence[MatrixCandidate], every: Sequence[MatrixCandidate]
) -> None:
    """Raise ValueError if a pattern names nothing, or by itself what cannot be masked."""
    if not hits:
        there = ", ".join(c.name for c in every[:MOST])
        raise ValueError(f"layers={pattern!r} names no weight in a matrix; there are {there} ...")
    refused = [c for c in hits if c.reason]
    named = [c for c in refused if any(pattern in (n, _layer_of(n)) for n in c.names)]
    for candidate in named or (refused if len(refused) == len(hits) else []):
        raise ValueError(f"layers={pattern!r}: {candidate.name} is left out: {candidate.reason}")


def _is_in(name: str, pattern: str) -> bool:
    """Return whether a pattern matches a weight's name, its layer's, or that of a group above."""
    while name:
        if fnmatchcase(name, pattern):
            return True
        name = _layer_of(name)
    return False


def _layer_of(name: str) -> str:
    return name.rpartition(".")[0]
