"""What failed before a view begins: each failed attempt, and none that says nothing."""

from __future__ import annotations

from pathlib import Path

from fake_sweep import created, request, trial

from espalier.core.trial import Result, Status
from espalier.run.displays.earlier_failures import earlier_failures
from espalier.run.displays.progress import outcome
from espalier.store.attempt import INTERRUPTED
from espalier.store.results_dir import STORE
from espalier.store.store import Store

ENDS = [
    (2, Result(Status.FAILED, "diverged", "loss is not finite")),
    (1, Result(Status.ERROR, "crash", "broken")),
    (3, INTERRUPTED),
    (4, Result(Status.PASSED, measures={"val_acc": 90.0})),
]


def test_failed_attempts_in_the_order_of_their_ends(tmp_path: Path) -> None:
    folder = created(request(tmp_path, [trial(n) for n in range(1, 6)]))
    with Store.open(folder / STORE) as store:
        assert earlier_failures(store) == []
        for number, result in ENDS:
            with store.writing():
                store.begin([number], number, "cpu")
            with store.writing():
                store.finish(number, 1, result)
        with store.writing():
            store.begin([5], 5, "cpu")
        assert [outcome(ending) for ending in earlier_failures(store)] == [
            "config_002 failed diverged: loss is not finite",
            "config_001 error crash: broken",
        ]
