"""The candidates of a range file, and the sweep that trains some of them for some epochs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from espalier.analysis.rank import TrialResult
from espalier.core.errors import UserError
from espalier.core.trial import EPOCHS, MODEL, REPETITION, Trial
from espalier.kconfig import range_file, tree
from espalier.kconfig.range_file import Setting
from espalier.kconfig.symbols import Symbols
from espalier.plan import plan, planning
from espalier.plan.plan import Plan
from espalier.search import focus, search_runs
from espalier.search.halving import Candidate, CandidateScore
from espalier.search.learning import FEWEST, SeedScore
from espalier.search.search_runs import Means
from espalier.store.results_dir import STORE
from espalier.store.store import Store

SAVE_MODEL = "SAVE_MODEL"
SEED, _ = REPETITION
OF_IMAGES = "SPLIT_SEED"
"""A symbol that the trials on images have, and those on text have not."""
SHIFT, NO_SHIFT = "SHIFT", "none"
SIZES = ("live_edges", "live_parameters")
"""What trials report their size as; the second where one does not report the first."""
MEASURES = ("val_acc", "val_majority", "val_samples", "test_acc")
PERCENT = 100.0


@dataclass(frozen=True)
class CandidateSpace:
    """The plan of a range file, every candidate trained in full, and what it is made from."""

    file: Path
    over: tuple[Setting, ...]  # settings that go before those of the file
    symbols: Symbols
    whole: Plan

    @property
    def epochs(self) -> int:
        """Of the full training."""
        return int(self.whole.trials[0].config[EPOCHS])

    @property
    def can_keep_weights(self) -> bool:
        """Whether a saved model could be verified when it is read: see CONFIG_SAVE_MODEL."""
        config = self.whole.trials[0].config
        return OF_IMAGES in config and config.get(SHIFT, NO_SHIFT) == NO_SHIFT

    @property
    def names(self) -> list[str]:
        """The symbols in which candidates differ."""
        axes = (str(axis["symbol"]) for axis in self.whole.axes)
        return [name for name in axes if name not in REPETITION]

    @property
    def candidates(self) -> list[Candidate]:
        """In plan order."""
        return list(dict.fromkeys(self.candidate(trial) for trial in self.whole.trials))

    def candidate(self, trial: Trial) -> Candidate:
        """Return the candidate that a trial is a seed of."""
        return tuple((name, trial.config[name]) for name in self.names if name in trial.config)

    def plan(self, candidates: Iterable[Candidate], epochs: int) -> Plan:
        """Return the sweep that trains those for `epochs`; the full training keeps the weights."""
        own = {EPOCHS: str(epochs)}
        if epochs == self.epochs and self.can_keep_weights:
            own[SAVE_MODEL] = "y"
        over = [each for each in self.over if each.symbol not in own]
        over += [range_file.assign(name, text, "the search") for name, text in own.items()]
        whole = planning.plan_from_files([self.file], symbols=self.symbols, over=over)
        chosen = set(candidates)
        return keep_trials(whole, self.symbols, lambda trial: self.candidate(trial) in chosen)

    def identity(self, *more: object) -> str:
        """Return 12 hex digits: the same for the same trials and the same `more`."""
        text = json.dumps([self.whole.plan_id, *map(str, more)])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def keep_trials(whole: Plan, symbols: Symbols, keep: Callable[[Trial], bool]) -> Plan:
    """Return the plan of those trials for which `keep` holds, numbered anew."""
    configs = {trial.id: dict(trial.config) for trial in whole.trials if keep(trial)}
    axes = [str(axis["symbol"]) for axis in whole.axes]
    return replace(whole, trials=plan.number(configs, axes, symbols.shape))


def read(file: Path, over: Sequence[Setting] = ()) -> CandidateSpace:
    """Return the space of a range file and the settings `over` it. Raises UserError if none."""
    symbols = Symbols(tree.parse())
    whole = planning.plan_from_files([file], symbols=symbols, over=over)
    space = CandidateSpace(file, tuple(over), symbols, whole)
    if EPOCHS in space.names:
        rule = "must have one value: a search shortens it by itself"
        raise UserError(f"{file}: CONFIG_{EPOCHS}: {rule}")
    seeds = len(space.whole.trials) / len(space.candidates)
    if seeds < FEWEST:
        rule = f"must have {FEWEST} values or more, as in 1|2|3|4|5: all seeds have to learn"
        raise UserError(f"{file}: CONFIG_SEED: {rule}")
    if len(space.candidates) < 2:
        raise UserError(f"{file}: varies nothing but seeds; give sizes or densities to choose from")
    return space


@dataclass(frozen=True)
class SeedTrials:
    """The trials of one candidate, one a seed, in the sweep in `folder`."""

    folder: Path
    trials: Sequence[Trial]
    settings: Mapping[str, str]

    def range_text(self, heading: Sequence[str]) -> str:
        """Return a range file that trains the candidate with the same seeds again."""
        return focus.range_text(self.trials, {}, self.settings, heading)

    @property
    def weights(self) -> dict[str, Path]:
        """The models that its trials left, by seed."""
        with Store.open(self.folder / STORE, readonly=True) as store:
            directories = store.directories()
        files = {t.config[SEED]: self.folder / directories[t.number] / MODEL for t in self.trials}
        return {seed: file for seed, file in files.items() if file.is_file()}


class CandidateTrainer:
    """Trains candidates of a space as sweeps; a stopped one is gone on with."""

    def __init__(self, space: CandidateSpace, means: Means) -> None:
        self._space, self._means = space, means
        self.folders: list[Path] = []
        """Of the sweeps, in order."""
        self.size = ""
        """What sizes are, one of SIZES, known from the first sweep on."""
        self._trained: dict[Candidate, SeedTrials] = {}

    def __call__(self, candidates: Sequence[Candidate], epochs: int) -> list[CandidateScore]:
        """Train them for so many epochs, with every seed."""
        sweep = self._space.plan(candidates, epochs)
        folder, results = search_runs.run(sweep, self._means)
        self.folders.append(folder)
        self.size = self.size or size_of(results)
        groups: dict[Candidate, list[TrialResult]] = {candidate: [] for candidate in candidates}
        for item in sorted(results, key=lambda item: item.trial.number):
            groups[self._space.candidate(item.trial)].append(item)
        for candidate, group in groups.items():
            trials = [item.trial for item in group]
            self._trained[candidate] = SeedTrials(folder, trials, sweep.settings)
        return [
            score_candidate(candidate, epochs, group, self.size)
            for candidate, group in groups.items()
        ]

    def trained(self, candidate: Candidate) -> SeedTrials:
        """Return the trials that a candidate was trained in last."""
        return self._trained[candidate]


def size_of(results: Sequence[TrialResult]) -> str:
    """Return the first of SIZES that all trials that passed report."""
    passed = [item for item in results if item.measure("val_acc") is not None]
    common = (name for name in SIZES if all(item.measure(name) is not None for item in passed))
    return next(common, SIZES[-1])


def score_candidate(
    candidate: Candidate, epochs: int, group: Sequence[TrialResult], size: str = SIZES[0]
) -> CandidateScore:
    """Collect the trials of a candidate; its size is infinite if none reports it."""
    rows = [[item.measure(name) for name in MEASURES] for item in group]
    complete = [[v for v in row if v is not None] for row in rows]
    scores = [row for row in complete if len(row) == len(MEASURES)]
    bad = [item.result for item in group if item.measure("val_acc") is None]
    lost = (bad[0].message or bad[0].reason or "no score") if bad else ""
    draws = tuple(SeedScore(acc / PERCENT, top / PERCENT, int(n)) for acc, top, n, _ in scores)
    tests = tuple(test / PERCENT for *_, test in scores)
    sizes = [value for item in group if (value := item.measure(size)) is not None]
    return CandidateScore(candidate, epochs, fmean(sizes or [math.inf]), draws, tests, lost)
