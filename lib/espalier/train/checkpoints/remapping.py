"""Remap a state dict to a model that names its layers differently.

Each name of a state dict is given a name of the model, and no two the same. What names decide
comes first, then the order and the shapes of the tensors; nothing is guessed, and what is
not certain is an error that lists it. Masks are tensors like any other: they are carried, never
made from weights that are zero.

Rules, in order:

1. explicit renames, `old=new`, of a tensor or of everything below a name;
2. parts of names that wrappers add: `_orig_mod` (torch.compile) wherever it is, and whatever all
   names begin with (`module.` of DistributedDataParallel, `inner.` of a FlattenWrapper, ...);
3. equal names, if that settles every tensor;
4. the order of the tensors, if kinds and shapes agree all the way: a Sequential for a network
   with attributes of its own. Where names say something else that would fit as well, it is
   ambiguous;
5. equal names with equal shapes; then, of what is left, shapes that occur once on each side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from espalier.core.errors import UserError

State = Mapping[str, Tensor]
Kind = tuple[str, tuple[int, ...], bool]
"""The name of a tensor in its layer, its shape, and whether it is of floating point."""

COMPILED = "_orig_mod"
NESTED = ("state", "state_dict", "model_state_dict", "model")
"""The names under which a checkpoint keeps the model's state."""
SHOWN = 6  # keys that an error names of each sort


@dataclass(frozen=True)
class Remapping:
    """The place in a model of each tensor of a state.

    `state` holds the tensors under the model's names, in the model's order. `renamed` says new
    name by old name, `matched` are those called the same. `wrong_shape`, `missing` and
    `ambiguous` are names of the model, `unexpected` of the state.
    """

    state: dict[str, Tensor] = field(default_factory=dict)
    matched: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    wrong_shape: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Return whether every tensor of the state has its place, and every place its tensor."""
        return not self.doubts

    @property
    def doubts(self) -> set[str]:
        """Return the names that have no place, or no tensor, or more than one that would do."""
        return {name for names in self._mismatches().values() for name in names}

    def _mismatches(self) -> dict[str, list[str]]:
        return {
            "missing": self.missing,
            "unexpected": self.unexpected,
            "wrong shape": self.wrong_shape,
            "ambiguous": self.ambiguous,
        }

    def describe_mismatch(self) -> str:
        """Return one line that lists what does not fit; empty if everything does."""
        kinds = self._mismatches().items()
        return "; ".join(f"{what}: {_listed(names)}" for what, names in kinds if names)

    def lines(self) -> list[str]:
        """Return the report in lines."""
        counts = {"matched": len(self.matched), "renamed": len(self.renamed)}
        counts |= {what: len(names) for what, names in self._mismatches().items()}
        return [
            ", ".join(f"{count} {what}" for what, count in counts.items()),
            *(f"renamed: {old} -> {new}" for old, new in self.renamed.items()),
            *(f"{what}: {name}" for what, names in self._mismatches().items() for name in names),
        ]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def state_in(record: Mapping[str, Any], place: Path) -> State:
    """Return the state dict in a file: all of it, or one of its parts. Raises UserError."""
    candidates = [record, *(record[name] for name in NESTED if name in record)]
    for part in candidates:
        if isinstance(part, dict) and part and all(isinstance(t, Tensor) for t in part.values()):
            return part
    raise UserError(f"{place}: must hold tensors by name, or such a dict as one of {NESTED}")


def remap(
    state: State,
    model: nn.Module,
    *,
    renames: Mapping[str, str] | None = None,
    dry_run: bool = False,
    strict: bool = True,
) -> Remapping:
    """Match each tensor of `state` with a place in `model`, which is not changed.

    `model.load_state_dict(remapping.state)` then loads them. Raises UserError, listing the names,
    if not all of it fits; with `dry_run` nothing is raised, and with `strict=False` only what is
    ambiguous is an error: other tensors are left out.
    """
    remapping = match(state, model.state_dict(), renames or {})
    doubt = remapping.describe_mismatch() if strict else _listed(remapping.ambiguous)
    if doubt and not dry_run:
        raise UserError(
            f"state dict: does not fit the model: {doubt}; look at dry_run, and give renames"
        )
    return remapping


def match(state: State, places: State, renames: Mapping[str, str]) -> Remapping:
    """Match each tensor of `state` with one of `places`, by name. Raises UserError for a rename."""
    return _Matcher(_renamed(state, renames), state, places).match()


def _renamed(state: State, renames: Mapping[str, str]) -> dict[str, str]:
    """Return the state's own name by the name that renames give it. Raises UserError."""
    own_names: dict[str, str] = {}
    for own in state:
        rule = next((old for old in renames if own == old or own.startswith(f"{old}.")), None)
        name = own if rule is None else renames[rule] + own.removeprefix(rule)
        if name in own_names:
            raise UserError(f"rename {rule}={renames[rule or '']}: gives {name} to two tensors")
        own_names[name] = own
    for old in renames:
        if not any(own == old or own.startswith(f"{old}.") for own in state):
            raise UserError(f"rename {old}={renames[old]}: the state dict has no {old}")
    return own_names


class _Matcher:
    """Names of both sides, without what wrappers add, and the places decided so far."""

    def __init__(self, names: Mapping[str, str], state: State, model: State) -> None:
        self._model, self._state = model, state
        self._there = {bare: names[name] for bare, name in _bare(list(names)).items()}
        self._here = _bare(list(model))  # the model's name by the bare one
        self._places: dict[str, str] = {}  # the model's name by that of the state
        self._ambiguous: list[str] = []

    def match(self) -> Remapping:
        here, there = self._kinds(self._here, self._model), self._kinds(self._there, self._state)
        if here == there:
            self._put(there, there)
        elif [*here.values()] == [*there.values()]:
            self._in_order(here, there)
        else:
            self._one_by_one(here, there)
        return self._report()

    def _kinds(self, names: Mapping[str, str], tensors: State) -> dict[str, Kind]:
        return {bare: _kind(bare, tensors[own]) for bare, own in names.items()}

    def _put(self, there: Iterable[str], here: Iterable[str]) -> None:
        for old, new in zip(there, here, strict=True):
            self._places[self._there[old]] = self._here[new]

    def _in_order(self, here: Mapping[str, Kind], there: Mapping[str, Kind]) -> None:
        """Place layer by layer, unless a tensor would go past one of its own name that it fits."""
        pairs = list(zip(there, here, strict=True))
        moved = [(old, new) for old, new in pairs if old != new]
        if any(here.get(old) == there[old] for old, _ in moved):
            self._ambiguous = [self._here[new] for _, new in moved]
            pairs = [pair for pair in pairs if pair not in moved]
        self._put([old for old, _ in pairs], [new for _, new in pairs])

    def _one_by_one(self, here: Mapping[str, Kind], there: Mapping[str, Kind]) -> None:
        same = [name for name, kind in there.items() if here.get(name) == kind]
        self._put(same, same)
        both = here.keys() & there.keys()  # the same name, and perhaps another shape
        left_here = {name: kind for name, kind in here.items() if name not in both}
        left_there = {name: kind for name, kind in there.items() if name not in both}
        counts = Counter(left_here.values()), Counter(left_there.values())
        for new, kind in left_here.items():
            olds = [old for old, other in left_there.items() if other == kind]
            if olds and counts[0][kind] == counts[1][kind] == 1:
                self._put(olds, [new])
            elif olds:
                self._ambiguous.append(self._here[new])

    def _report(self) -> Remapping:
        old_of = {new: old for old, new in self._places.items()}
        free = [name for name in self._model if name not in old_of]
        doubted = set(self._ambiguous)
        wrong = {own for bare, own in self._here.items() if bare in self._there}
        kinds = {_kind(name, self._model[name]) for name in doubted}
        spare = {own: bare for bare, own in self._there.items() if own not in self._places}
        return Remapping(
            state={new: self._state[old_of[new]] for new in self._model if new in old_of},
            matched=[new for old, new in self._places.items() if old == new],
            renamed={old: new for old, new in self._places.items() if old != new},
            missing=[name for name in free if name not in doubted | wrong],
            wrong_shape=[name for name in free if name in wrong - doubted],
            unexpected=[
                own
                for own, bare in spare.items()
                if bare not in self._here and _kind(bare, self._state[own]) not in kinds
            ],
            ambiguous=self._ambiguous,
        )


def _kind(name: str, tensor: Tensor) -> Kind:
    return name.rpartition(".")[2], tuple(tensor.shape), tensor.is_floating_point()


def _bare(names: Sequence[str]) -> dict[str, str]:
    """Return each name by itself without what wrappers add; unchanged where names collide."""
    parts = [[part for part in name.split(".") if part != COMPILED] for name in names]
    while all(len(each) > 1 for each in parts) and len({each[0] for each in parts}) == 1:
        parts = [each[1:] for each in parts]
    bare = {".".join(each): name for each, name in zip(parts, names, strict=True)}
    return bare if len(bare) == len(names) else {name: name for name in names}
