"""Whether a configuration's run is long enough for what it is to do, and has samples enough.

The schedules themselves say so (`core/run_length.py`), as they do again in the run: what a trial
would be refused for is known before anything runs, without its data and without torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from espalier.core import component
from espalier.core.errors import CannotTrain, UserError
from espalier.core.paths import BASE
from espalier.core.run_length import Rest, RunLength, steps_in
from espalier.core.texts.count_text import count_text
from espalier.core.trees.run_schedules import schedules_of
from espalier.core.trial import EPOCHS
from espalier.datasets import sample_counts
from espalier.datasets.sample_counts import SampleCounts, check_batch
from espalier.kconfig.requests import Requests
from espalier.plan.expand import Expansion

BATCH = "BATCH_SIZE"
SUBSET, HELD_OUT = "TRAIN_SUBSET", "VALIDATION_FRACTION"
DATASET = component.KINDS["dataset"][1]
DATA_DIR = "DATA_DIR"
Refused = Mapping[str, CannotTrain]
"""Refusals of configurations, by their ids."""


def refusals(expansion: Expansion) -> dict[str, CannotTrain]:
    """Return what the run of a configuration would be refused for, of those that would be."""
    runs = SensibleRuns(BASE / expansion.settings.get(DATA_DIR, ""))
    refused = {key: runs.refusal(config) for key, config in expansion.configs.items()}
    return {key: error for key, error in refused.items() if error is not None}


def leave_out(expansion: Expansion, requested: Requests) -> None:
    """Move what would be refused from the configurations to what is left out.

    Raises UserError if nothing would be left.
    """
    refused = refusals(expansion)
    if refused and len(refused) == len(expansion.configs):
        raise all_refused(refused, expansion, requested)
    for key in refused:
        del expansion.configs[key]
    for reason, count in _reasons(refused).items():
        expansion.reasons[reason] = expansion.reasons.get(reason, 0) + count
    expansion.invalid += len(refused)


def all_refused(refused: Refused, expansion: Expansion, requested: Requests) -> UserError:
    """Return the error that says, once, why no configuration would be trained."""
    counts = _reasons(refused)
    what = f"each of {len(refused)} trials" if len(refused) > 1 else "the trial"
    texts = [
        text if len(counts) == 1 else f"{text} ({count_text(n, 'trial')})"
        for text, n in counts.items()
    ]
    paths = dict.fromkeys(request.place.path for request in requested.values())
    why = "; ".join([*texts, *default_notes(expansion, requested)])
    return UserError(f"{', '.join(paths)}: {what} would be refused at its start: {why}")


def _reasons(refused: Refused) -> dict[str, int]:
    """Return the reasons with the number of trials; those that differ in numbers alone are one."""
    alike: dict[str, list[str]] = {}
    for error in refused.values():
        alike.setdefault(error.reason, []).append(str(error))
    return {_joined(texts): len(texts) for texts in alike.values()}


def _joined(texts: Sequence[str]) -> str:
    others = len(set(texts)) - 1
    return f"{texts[0]} (and the like, with {others} other numbers)" if others else texts[0]


def default_notes(expansion: Expansion, requested: Requests) -> list[str]:
    """Return a note on the data set of the trials, if it is the default."""
    names = {c[DATASET] for c in expansion.configs.values() if DATASET in c}
    if DATASET in requested or len(names) != 1:
        return []
    return [f"CONFIG_{DATASET} is not set, and {names.pop()} is the default"]


def rest_notes(expansion: Expansion) -> list[str]:
    """Return a note for each symbol with trials that are measured within an interval of an event.

    What is measured then holds the network's recovery, which a control has not.
    """
    runs = SensibleRuns(BASE / expansion.settings.get(DATA_DIR, ""))
    short: dict[str, list[Rest]] = {}
    for config in expansion.configs.values():
        for name, rest in runs.rests(config).items():
            if rest.left < rest.interval:
                short.setdefault(name, []).append(rest)
    return [
        f"{len(rests)} trial{'s are' if len(rests) > 1 else ' is'} measured less than an interval "
        f"after the end of an event, {worst.left} of {worst.interval} steps at the least, and so "
        f"with the recovery from it: lower CONFIG_{name}"
        for name, rests in short.items()
        for worst in [min(rests, key=lambda rest: rest.left / rest.interval)]
    ]


@dataclass(frozen=True)
class SensibleRuns:
    """Says of configurations of one expansion why they would be refused; remembers answers.

    `data_dir` is where a text lies that must be read to be counted.
    """

    data_dir: Path

    def refusal(self, config: Mapping[str, str]) -> CannotTrain | None:
        """Return what the run of an effective configuration would be refused for, if it would."""
        try:
            self._check(config)
        except CannotTrain as error:
            return error
        return None

    def _check(self, config: Mapping[str, str]) -> None:
        if EPOCHS not in config:
            return
        epochs, steps = int(config[EPOCHS]), self.steps_per_epoch(config)
        for schedule in schedules_of(config):
            if steps is None:
                schedule.check_epochs(epochs)
            else:
                schedule.check_length(RunLength(epochs, steps))

    def rests(self, config: Mapping[str, str]) -> dict[str, Rest]:
        """Return, by symbol, the least that schedules of a sensible configuration leave alone.

        Empty where the number of steps is not known beforehand.
        """
        steps = self.steps_per_epoch(config) if EPOCHS in config else None
        if steps is None:
            return {}
        length = RunLength(int(config[EPOCHS]), steps)
        rests = [rest for s in schedules_of(config) if (rest := s.rest(length)) is not None]
        return {rest.symbol: rest for rest in sorted(rests, reverse=True)}  # the least is last

    def steps_per_epoch(self, config: Mapping[str, str]) -> int | None:
        """Return the updates in an epoch; None where only the files of a data set can tell.

        Raises CannotTrain if the data cannot be divided as configured.
        """
        counts = self._counts(config)
        if counts is None:
            return None
        samples = counts.training(int(config[SUBSET]), float(config[HELD_OUT]))
        check_batch(int(config[BATCH]), samples)
        return steps_in(samples, int(config[BATCH]))

    def _counts(self, config: Mapping[str, str]) -> SampleCounts | None:
        if not {DATASET, SUBSET, HELD_OUT, BATCH} <= config.keys():
            return None
        return sample_counts.count(config[DATASET], config, self.data_dir)
