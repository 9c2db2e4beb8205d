"""The pairs of a manager: known from an example, or shown by the model's first forward pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisOptions
from espalier.methods.apoptosis.neurons.layer_patterns import Names, select_pairs
from espalier.methods.apoptosis.neurons.layer_population import LayerPopulation
from espalier.surgery.pairs import Pair, PairSearch, find_pairs, propose_pairs, search_pairs
from espalier.surgery.tensor_graph import Example


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
        inner = model.module if isinstance(model, DistributedDataParallel) else model
        self._model, self._names, self._options = inner, names, options
        self._replace = replace
        self._handle: Any = None
        self.pairs: list[Pair] = []
        self.left_out: Mapping[str, str] = {}
        if options.example is not None:
            self._take(search_pairs(inner, options.pairs, Example.of(options.example)))
        elif options.chains_only:
            self._take(search_pairs(inner, None, None))
        else:
            self._take(propose_pairs(inner, options.pairs))
            self._handle = inner.register_forward_pre_hook(self._look, with_kwargs=True)

    @property
    def is_awaited(self) -> bool:
        """Whether no pass has been seen yet."""
        return self._handle is not None

    def remove(self) -> None:
        """Wait no longer."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def known(
        self, populations: Iterable[LayerPopulation], state: Container[str]
    ) -> list[LayerPopulation]:
        """Return the populations to be restored: of proposals, only those that `state` has."""
        return [each for each in populations if not self.is_awaited or each.name in state]

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _look(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.remove()
        in_chains = {pair.name for pair in find_pairs(module)} & {pair.name for pair in self.pairs}
        self._take(search_pairs(module, self._options.pairs, Example(args, kwargs)))
        dropped = sorted(in_chains - {pair.name for pair in self.pairs})
        if dropped:
            reasons = "; ".join(f"{name}: {self.left_out[name]}" for name in dropped)
            warnings.warn(f"layers take no part in apoptosis: {reasons}", stacklevel=2)
        self._replace(self.pairs)

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
