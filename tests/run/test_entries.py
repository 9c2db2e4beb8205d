from __future__ import annotations

import importlib

import pytest

from espalier.run.admission import LIGHT_WORKER, WORKER
from espalier.run.entries import LIBRARY, entry_of, worker_memory


@pytest.mark.parametrize("trainer", ["library", "script"])
def test_each_trainer_has_an_entry_that_is_there(trainer: str) -> None:
    module, _, function = entry_of({"TRAINER": trainer}).partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_plans_of_older_versions_are_trained_by_the_library() -> None:
    assert entry_of({}) == entry_of({"TRAINER": "library"}) == LIBRARY


def test_a_worker_without_torch_takes_little_memory() -> None:
    assert worker_memory(entry_of({"TRAINER": "script"})) == LIGHT_WORKER
    assert worker_memory(LIBRARY) == worker_memory("mine:train") == WORKER
