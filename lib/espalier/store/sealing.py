"""The seals of a sweep's claims: which claims its store had when, and what was known by then.

A store gets a seal with its first claims, and another one whenever they change. What a seal holds
is never changed, so that it shows whether a claim came before the results that it is about.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.records import ClaimSeal
from espalier.core.texts.count_text import count_text
from espalier.core.trial import FINAL
from espalier.plan.claim_seal import SHOWN, emptied
from espalier.store.results_dir import SCANNED, STORE
from espalier.store.store import Store


def renewed(
    seals: Sequence[ClaimSeal], claims: ClaimSeal | None, ended_trials: Callable[[], list[int]]
) -> list[ClaimSeal] | None:
    """Return the seals of a store that has `claims` from now on; None without any.

    `ended_trials` gives the numbers of the trials whose results somebody may have seen.
    """
    now = claims or (emptied(seals[-1]) if seals else None)
    if now is None:
        return None
    if seals and now.sha256 == seals[-1].sha256:
        return list(seals)
    return [*seals, replace(now, sealed=time.time(), ended=ended_trials())]


def describe_seal(seal: ClaimSeal, trials: int) -> str:
    """Return a line on a seal that was just made, of a sweep of so many trials."""
    made = f"sealed {count_text(len(seal.claims), 'claim')}, sha256 {seal.sha256[:SHOWN]}"
    if not seal.ended:
        return made
    ended = f"{len(seal.ended)} of {trials} trials have ended already"
    return f"note: {made}; {ended}: claims on these are inadmissible, take seeds not trained yet"


def ended(results: Path, others: Iterable[Path], numbers: Mapping[str, int]) -> list[int]:
    """Return those of the trials, by id, that have ended in a sweep of `results` or in `others`.

    A sweep whose store cannot be read now counts as one that has none of them.
    """
    folders = {*others, *(path.parent for path in results.glob(f"sweep_*/{STORE}"))}
    return sorted({numbers[key] for place in folders for key in _ended_in(place, numbers)})


def _ended_in(folder: Path, ids: Mapping[str, int]) -> Iterator[str]:
    with (
        suppress(UserError, OSError),
        Store.open(folder / STORE, readonly=True, patience=SCANNED) as store,
    ):
        states = store.states()
        yield from (item.id for item in store.trials_with(ids) if states[item.number] in FINAL)
