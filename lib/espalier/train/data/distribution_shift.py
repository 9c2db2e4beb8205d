"""Distribution shift while a trial trains: tasks that follow each other, abruptly or by degrees.

Permuted inputs, exchanged labels and other classes show whether a network goes on learning (loss of
plasticity), another data set and back what it forgets.
Source: Dohare et al. 2024, "Loss of plasticity in deep continual learning" (online permuted MNIST:
800 tasks, each sample seen once).
Differs: tasks have validation samples, permuted alike, and may have several epochs; pixels are
permuted as the model sees them, after resizing; of text the characters are permuted. With a share
below 1 so many of the pixels, characters or classes change from task to task, and the rest stays.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from typing_extensions import override

from espalier.core import component
from espalier.core.contracts import CannotTrain, Run
from espalier.core.trial import EPOCHS, Record
from espalier.core.trial_config import Config
from espalier.train.data.class_tasks import ClassSequence, ClassTasks
from espalier.train.data.drawn_tasks import DrawnTasks
from espalier.train.data.growing_tasks import GrowingTasks
from espalier.train.data.permuted_tasks import PermutedTasks, RelabelledTasks
from espalier.train.data.random_labels import RandomLabelTasks
from espalier.train.data.shift_schedule import ShiftPlan
from espalier.train.data.splits import (
    Data,
    PreparedSplits,
    SealedTest,
    SplitRequest,
    check_batch,
    prepare_splits,
)
from espalier.train.engine.task_sequence import (
    Measure,
    PeriodicTasks,
    TaskSamples,
    last_task,
    task_ends,
)

PERMUTED: Mapping[str, type[PermutedTasks]] = {"permuted": PermutedTasks, "labels": RelabelledTasks}
OF_CLASSES: Mapping[str, type[ClassSequence]] = {
    "classes": ClassTasks,
    "growing": GrowingTasks,
}


def apply_shift(config: Config, data: Data) -> Data:
    """Return the data of a trial with the shift of its configuration.

    Raises CannotTrain if the epochs cannot be divided into tasks or there is nothing to shift to,
    UserError if that is absent or damaged.
    """
    plan = component.build(ShiftPlan, config, "")
    epochs, each = config.read(EPOCHS, int), plan.task_epochs or 1
    plan.check_epochs(epochs)
    if plan.kind in PERMUTED:
        return _with_tasks(data, _permuted_tasks(plan, each, data.request), epochs)
    if plan.kind == "random_labels":
        labels = RandomLabelTasks(each, data.request, plan.seed or 0, plan.share or 1.0)
        return _with_tasks(data, labels, epochs)
    if plan.kind in OF_CLASSES:
        tasks = _class_tasks(plan, each, data.request)
        tasks.check()
        data = _with_tasks(data, tasks, epochs)
        check_batch(config.read("BATCH_SIZE", int), len(data.train))
    if plan.kind == "return":
        other = _shifted_request(data.request)
        data = _returning(data, ReturningTasks(each, data.request, other))
        check_batch(config.read("BATCH_SIZE", int), len(data.train))
    return data


def _permuted_tasks(plan: ShiftPlan, each: int, request: SplitRequest) -> PermutedTasks:
    kind = PERMUTED[plan.kind]
    return kind(each, request, plan.seed or 0, plan.share or 1.0)


def _class_tasks(plan: ShiftPlan, each: int, request: SplitRequest) -> ClassSequence:
    kind = OF_CLASSES[plan.kind]
    return kind(each, request, plan.seed or 0, plan.share or 1.0, plan.classes or 1)


def _with_tasks(data: Data, tasks: DrawnTasks, epochs: int) -> Data:
    """Return `data` under `tasks`; the test is that of the last task, and still sealed."""
    test = tasks.of_task(prepare_splits(data.request).test, tasks.task(epochs - 1))
    train = tasks.samples(0).train
    return replace(data, train=train, test=SealedTest(test), tasks=tasks)


def _returning(data: Data, tasks: ReturningTasks) -> Data:
    other = prepare_splits(tasks.other)
    other.check_untouched()
    if other.shape != data.shape:
        raise CannotTrain(
            "shift", f"CONFIG_SHIFT=return: {other.shape} is to follow {data.shape}: must be equal"
        )
    digest = hashlib.sha256(f"{data.fingerprint}{other.fingerprint}".encode()).hexdigest()[:16]
    train = tasks.samples(0).train
    return replace(data, train=train, fingerprint=digest, tasks=tasks)


def _shifted_request(request: SplitRequest) -> SplitRequest:
    dataset = request.dataset.shifted()
    if dataset is None:
        raise CannotTrain("shift", "CONFIG_SHIFT=return: this data set has none to shift to")
    return replace(request, dataset=dataset)


@dataclass(frozen=True)
class ReturningTasks(PeriodicTasks):
    """A, B, and A again until the end: what B costs of A, and how fast it comes back.

    Both have as many training samples as the smaller of them: the first of the larger one.
    """

    request: SplitRequest
    other: SplitRequest

    @override
    def task(self, epoch: int) -> int:
        return min(2, super().task(epoch))

    @override
    def samples(self, task: int) -> TaskSamples:
        return self._both()[task % 2]

    @override
    def epoch_measures(self, run: Run, measure: Measure) -> Record:
        """Return the task; at the end of a phase also loss and accuracy on A and on B."""
        record = super().epoch_measures(run, measure)
        if run.epoch < run.epochs and not self.changes_at(run.epoch):
            return record
        for name, samples in zip("ab", self._both(), strict=True):
            record[f"val_loss_{name}"], record[f"val_acc_{name}"] = measure(samples.validation)
        return record

    @override
    def measures(self, history: Sequence[Record]) -> Record:
        """Return means over the phases, and differences of losses (nats) between phases.

        `forgetting`: A after B minus A before; `gain`: A before minus A in the end;
        `relearning_steps`: updates after the return until A is as good as it was before, to the
        epoch, None if it never was; `shifted_val_loss`: B after B; `shifted_forgetting`: B in the
        end minus that.
        """
        first, second, last = task_ends(history)
        return {
            **super().measures(history),
            "forgetting": second["val_loss_a"] - first["val_loss_a"],
            "gain": first["val_loss_a"] - last["val_loss_a"],
            "relearning_steps": _relearning(history, first["val_loss_a"], second["step"]),
            "shifted_val_loss": second["val_loss_b"],
            "shifted_forgetting": last["val_loss_b"] - second["val_loss_b"],
        }

    def _both(self) -> tuple[TaskSamples, TaskSamples]:
        return _samples_of_two(prepare_splits(self.request), prepare_splits(self.other))


@functools.lru_cache(maxsize=1)
def _samples_of_two(a: PreparedSplits, b: PreparedSplits) -> tuple[TaskSamples, TaskSamples]:
    n = min(len(a.train), len(b.train))
    train = (replace(data.train, x=data.train.x[:n], y=data.train.y[:n]) for data in (a, b))
    return TaskSamples(next(train), a.validation), TaskSamples(next(train), b.validation)


def _relearning(history: Sequence[Record], loss: float, returned: int) -> int | None:
    """Return the updates after step `returned` until the validation loss is at most `loss`."""
    again = last_task(history)
    return next((r["step"] - returned for r in again if r["val_loss"] <= loss), None)
