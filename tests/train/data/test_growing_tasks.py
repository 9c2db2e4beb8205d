"""Classes that accumulate: samples of few come again, in equal numbers."""

from __future__ import annotations

from trial_tasks import small_task

from espalier.train import worker_entry
from espalier.train.data.growing_tasks import GrowingTasks
from espalier.train.data.splits import prepare_splits

GROWING = {"PRUNING_METHOD": "none", "SHIFT": "growing", "SHIFT_EPOCHS": "1", "TRAIN_SUBSET": "200"}


def test_each_sample_of_the_classes_so_far_comes_as_often_give_or_take_one() -> None:
    _, data = worker_entry.prepare(small_task(**GROWING))
    tasks = data.tasks
    assert isinstance(tasks, GrowingTasks) and tasks.classes == 2
    split = prepare_splits(tasks.request).train
    for task in range(5):
        places = tasks.train_places(split, task)
        members = [k for k, label in enumerate(split.y.tolist()) if label in tasks.members(task)]
        times = [int((places == k).sum()) for k in members]
        assert sum(times) == len(places) == 200 and max(times) - min(times) <= 1
    assert sorted(tasks.train_places(split, 4).tolist()) == list(range(200))
