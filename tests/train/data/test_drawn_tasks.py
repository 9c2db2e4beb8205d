"""Tasks that a seed draws: equal ones share their samples, and say how well all tasks went."""

from __future__ import annotations

from trial_tasks import small_task

from espalier.train import worker_entry
from espalier.train.data.drawn_tasks import DrawnTasks

VALUES = {"PRUNING_METHOD": "none", "SHIFT": "labels", "SHIFT_EPOCHS": "1", "TRAIN_SUBSET": "40"}


def test_runs_of_a_pack_have_the_same_samples() -> None:
    (_, first), (_, second) = (worker_entry.prepare(small_task(**VALUES)) for _ in range(2))
    assert isinstance(first.tasks, DrawnTasks) and isinstance(second.tasks, DrawnTasks)
    assert first.tasks == second.tasks
    assert first.tasks.samples(1) is second.tasks.samples(1)


def test_measures_are_of_the_ends_of_tasks() -> None:
    _, data = worker_entry.prepare(small_task(**VALUES))
    history = [
        {"epoch": k, "step": k, "task": k, "val_loss": 1.0, "val_acc": acc}
        for k, acc in ((1, 50.0), (2, 70.0))
    ]
    measures = data.tasks.measures(history)
    assert measures["mean_val_acc"] == 60.0
    assert (measures["first_tasks_acc"], measures["last_tasks_acc"]) == (50.0, 70.0)
