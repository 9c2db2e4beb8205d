"""The pairs of a manager: known from an example, or shown by the model's first forward pass."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisOptions
from espalier.methods.apoptosis.neurons.layer_patterns import Names, select_pairs
from espalier.methods.apoptosis.neurons.layer_population import LayerPopulation
from espalier.surgery.pairing.pairs import Pair, PairSearch, find_pairs, propose_pairs, search_pairs
from espalier.surgery.pairing.tensor_graph import Example, is_recording


class FirstPass:
    """Finds the pairs of a model, and looks at its first forward pass unless there is an example.

    `pairs` are those that take part; while `is_awaited`, they are proposals by structure and name.
    """

    def __init__(
        self,
        model: nn.Module,
        names: Names | None,
        options: ApoptosisOptions,
        replace: Callable[[list[Pair]], None],
    ) -> None:
        """Call `replace` with the pairs when a pass has shown them.

        Raises ValueError if there are none, then or now.
        """
        self._model, self._names, self._options = model, names, options
        self._replace = replace
        self._handle: Any = None
        self.pairs: list[Pair] = []
        self.left_out: Mapping[str, str] = {}
        self.is_awaited = options.example is None and not options.chains_only
        if options.example is not None:
            self._take(search_pairs(model, options.pairs, Example.of(options.example)))
        else:
            self._take(propose_pairs(model, options.pairs, options.chains_only))

    def watch(self) -> None:
        """Look at the next forward pass of the model, if one is awaited."""
        if self.is_awaited:
            hook = _Hook(weakref.ref(self))
            self._handle = self._model.register_forward_pre_hook(hook, with_kwargs=True)

    def remove(self) -> None:
        """Wait no longer."""
        self.is_awaited = False
        if self._handle is not None:
            self._handle.remove()

    def check_seen(self) -> None:
        """Raise ValueError if there are pairs that only a pass can show, and none was seen."""
        if self.is_awaited and {pair.name for pair in self.pairs} - self._in_chains():
            rule = "give example=, or call the model itself and not its parts"
            raise ValueError(f"no forward pass of the model has shown what its pairs are: {rule}")

    def _in_chains(self) -> set[str]:
        return {pair.name for pair in find_pairs(self._model)}

    def restorable(
        self, populations: Iterable[LayerPopulation], state: Container[str]
    ) -> list[LayerPopulation]:
        """Return the populations to be restored: of proposals, only those that `state` has."""
        return [each for each in populations if not self.is_awaited or each.name in state]

    def look(self, example: Example) -> None:
        """Search in a pass. Raises ValueError if what was named is no pair, or nothing is."""
        self._handle.remove()  # the search calls the model
        in_chains = self._in_chains() & {pair.name for pair in self.pairs}
        try:
            self._take(search_pairs(self._model, self._options.pairs, example))
            self.is_awaited = False
        finally:
            self.watch()  # again, unless pairs have been shown
        dropped = sorted(in_chains - {pair.name for pair in self.pairs})
        if dropped:
            reasons = "; ".join(f"{name}: {self.left_out[name]}" for name in dropped)
            warnings.warn(f"layers take no part in apoptosis: {reasons}", stacklevel=2)
        self._replace(self.pairs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Look at the first pass of the copied model, whose hook does nothing."""
        vars(self).update(state)
        if self.is_awaited and self._handle is not None:
            self._handle.remove()
            self.watch()

    def _take(self, search: PairSearch) -> None:
        """Take those that are to take part. Raises ValueError if there are none."""
        if self._options.pairs is not None and search.refused:
            raise ValueError(f"no pairs of layers: {search.explain()}")
        if not search.pairs:
            name = type(self._model).__name__
            rule = f"no two layers of {name} follow each other as a pair"
            raise ValueError(f"{rule}: {search.explain()}")
        self.pairs, self.left_out = search.pairs, search.refused
        if self._names is not None:
            names = [self._names] if isinstance(self._names, str) else self._names
            self.pairs = select_pairs(search.pairs, names, search.refused)


class _Hook:
    """The hook on the model: of copies and pickles of the model it does nothing."""

    def __init__(self, owner: Callable[[], FirstPass | None]) -> None:
        self._owner = owner

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        owner = self._owner()
        if owner is not None and owner.is_awaited and not is_recording():  # by another manager
            owner.look(Example(args, kwargs))

    def __reduce__(self) -> tuple[Any, ...]:
        return _Hook, (_no_owner,)


def _no_owner() -> None:
    return None
