"""How far paired differences spread in earlier sweeps, by model, data and measure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from espalier.analysis.claims.claim_text import configurations
from espalier.analysis.comparing.paired_spread import PairedSpread, paired_spread
from espalier.analysis.rank import Configuration, sampling
from espalier.core.measures import Measure
from espalier.core.trial import Trial
from espalier.store.results_dir import STORE, skip_unusable, sweeps
from espalier.store.store import Store

LOOKED_THROUGH = 20  # sweeps, the latest first

Kind = frozenset[tuple[str, str]]
"""The model and what chooses the samples: differences are comparable within one."""


@dataclass(frozen=True)
class EarlierSpread:
    """A spread, and the name of the sweep that shows it."""

    spread: PairedSpread
    sweep: str


Spreads = Mapping[tuple[Kind, Measure], EarlierSpread]


def kind_of(trial: Trial) -> Kind:
    """Return the model, or the program of a script trial, and the samples of a trial."""
    names = ("MODEL", "SCRIPT", "TRAIN_FUNCTION", "VALIDATION_FRACTION", "TRAIN_SUBSET")
    return frozenset(sampling(trial, *names).items())


def of_kinds(every: Iterable[Configuration]) -> dict[Kind, list[Configuration]]:
    """Return configurations by their kind, in their order."""
    groups: dict[Kind, list[Configuration]] = {}
    for item in every:
        groups.setdefault(kind_of(item.first), []).append(item)
    return groups


def latest_spreads(
    results: Path, kinds: Collection[Kind], by: Collection[Measure], entry: str | None
) -> Spreads:
    """Return the latest spread of each kind and measure that a sweep of `results` shows.

    `entry` is what trained the trials, None for the library.
    """
    spreads: dict[tuple[Kind, Measure], EarlierSpread] = {}
    for folder in islice(sweeps(results), LOOKED_THROUGH):
        if len(spreads) == len(kinds) * len(by):
            break
        with skip_unusable(), Store.open(folder / STORE, readonly=True) as store:
            groups = of_kinds(_run(store, kinds)) if store.header.entry == entry else {}
        for kind, measure in ((kind, measure) for kind in groups for measure in by):
            if spread := paired_spread(groups[kind], measure):
                spreads.setdefault((kind, measure), EarlierSpread(spread, folder.name))
    return spreads


def _run(store: Store, kinds: Collection[Kind]) -> Sequence[Configuration]:
    """Return the configurations of a store that are of some kinds, with their results."""
    if not any(kind_of(trial) in kinds for trial in store.trials()):
        return []
    return [item for item in configurations(store.final_results()) if kind_of(item.first) in kinds]
