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
    now = dict(settings)
    bad = (n for n, status in store.states().items() if status in (Status.FAILED, Status.ERROR))
    for number in bad:
        last = store.last_conclusive(number)
        if last and _is_refusal(last[1]) and dict(last[1].provenance.settings or {}) != now:
            yield number


def _is_refusal(result: Result) -> bool:
    """Return whether a bad end was a refusal: what began to train says in what pack that was."""
    made = result.provenance
    return made.settings is not None and made.pack is None


def set_aside_earlier(sweep: SweepDir) -> None:
    """Set aside what earlier attempts left of trials that are to run again and have not begun."""
    for number, earlier in sweep.store.again.items():
        attempts = sweep.store.attempts(number) if earlier else []
        if attempts and attempts[-1].attempt == earlier:
            trial_folders.set_aside(sweep.directory(number), earlier)
