"""Trials that run again: because a user says so, or because what refused them has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from espalier.core.trial import Result, Status
from espalier.store.results_dir import SweepDir
from espalier.store.store import Store
from espalier.store.trials import trial_folders


def refused_before(store: Store, settings: Mapping[str, str]) -> Iterator[int]:
    """Yield the trials that were refused under other settings than these.

    A refusal may hang on symbols outside of identity, such as CONFIG_DATA_DIR. It was made before
    the first step, so there are no numbers that trying again could make better.
    """
    for trial, result, _ in store.final_results():
        if _is_refusal(result) and dict(result.provenance.settings or {}) != dict(settings):
            yield trial.number


def _is_refusal(result: Result) -> bool:
    """Return whether a trial was refused: what began to train says in what pack that was."""
    made = result.provenance
    bad = result.status in (Status.FAILED, Status.ERROR)
    return bad and made.settings is not None and made.pack is None


def set_aside_earlier(sweep: SweepDir) -> None:
    """Set aside what earlier attempts left of trials that are to run again and have not begun."""
    last = {attempt.trial: attempt.attempt for attempt in sweep.store.attempts()}
    for number, earlier in sweep.store.again.items():
        if earlier and last.get(number) == earlier:
            trial_folders.set_aside(sweep.directory(number), earlier)
