from __future__ import annotations

import importlib
import sys

import pytest

from espalier.run.admission import FORKED_WORKER, LIGHT_WORKER, WORKER
from espalier.run.entries import LIBRARY, entry_of, worker_memory


@pytest.mark.parametrize("trainer", ["library", "script"])
def test_each_trainer_has_an_entry_that_is_there(trainer: str) -> None:
    module, _, function = entry_of({"TRAINER": trainer}).partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_plans_of_older_versions_are_trained_by_the_library() -> None:
    assert entry_of({}) == entry_of({"TRAINER": "library"}) == LIBRARY


def test_a_worker_without_torch_takes_little_memory() -> None:
    assert worker_memory(entry_of({"TRAINER": "script"}), on_cpu=True) == LIGHT_WORKER
    assert worker_memory("mine:train", on_cpu=True) == WORKER


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
def test_workers_that_are_forked_share_memory_but_for_that_of_a_gpu() -> None:
    assert worker_memory(LIBRARY, on_cpu=True) == FORKED_WORKER
    assert worker_memory(LIBRARY, on_cpu=False) == WORKER
