"""A trial's numbers do not depend on how its worker was started."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
import trial_tasks

from espalier.analysis.comparing.sweep_pairs import repeatable
from espalier.core.trial import Record, Task
from espalier.run.entries import LIBRARY
from espalier.run.pool import Pool
from espalier.run.workers import fork_servers
from espalier.run.workers.worker_process import Finished

DEADLINE = 60.0  # seconds that a healthy machine never needs


def train(pool: Pool, task: Task) -> Record:
    """What a worker of the pool comes to; the worker is noted with it."""
    end, results = time.monotonic() + DEADLINE, []
    while not pool.idle():
        pool.wait(0.05)
        assert time.monotonic() < end
    pool.submit(0, task)
    while not results:
        results = [event.result for event in pool.wait(0.05) if isinstance(event, Finished)]
        assert time.monotonic() < end
    return repeatable(results[0])


def parent(process: int) -> int:
    text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    return int(text.rsplit(")", 1)[1].split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
def test_a_forked_worker_computes_what_one_that_was_started_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = trial_tasks.task(trial_tasks.SMALL, trial_tasks.SETTINGS, tmp_path)
    results, forked = [], []
    for module in (fork_servers.TRAINING, ""):
        monkeypatch.setattr(fork_servers, "TRAINING", module)
        pool = Pool(LIBRARY, ["cpu"], tmp_path / "workers.log")
        try:
            results.append(train(pool, task))
            forked.append(parent(pool.process(0)) != os.getpid())
        finally:
            pool.close()
    assert forked == [True, False]
    assert results[0] == results[1]
    assert results[0]["status"] == "passed"
