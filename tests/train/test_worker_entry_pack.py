"""Several tasks handed to the entry at once: each comes to the result that it comes to alone."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from trial_tasks import numbers, small_task

from espalier.core.contracts import Run
from espalier.core.samples import SampleShape
from espalier.core.trial import Result, Status, Task
from espalier.methods.none import NoPruning
from espalier.models.mlp import Mlp
from espalier.train import loop, worker_entry
from espalier.train.data.splits import Data
from espalier.train.engine.trainer import Trainer

RATES = ("0.001", "0.003", "0.01")


def tasks(*changes: dict[str, str], **shared: str) -> list[Task]:
    return [small_task(**shared, **each) for each in changes]


def rates(**shared: str) -> list[Task]:
    """Three that differ in the learning rate alone, as most trials of a sweep do."""
    return tasks(*({"LEARNING_RATE": rate} for rate in RATES), **shared)


def packed(some: list[Task]) -> dict[int, Result]:
    pairs = list(worker_entry.train_pack(some))
    assert sorted(place for place, _ in pairs) == list(range(len(some)))
    return dict(pairs)


def assert_as_alone(some: list[Task], results: dict[int, Result], within: float = 1e-6) -> None:
    for place, each in enumerate(some):
        assert_near(results[place], worker_entry.train_trial(each), within)


def assert_near(a: Result, b: Result, within: float) -> None:
    assert (a.status, a.reason, a.message) == (b.status, b.reason, b.message)
    assert len(a.history) == len(b.history)
    (ours, mine), (theirs, yours) = numbers(a), numbers(b)
    for left, right in zip([*ours, mine], [*theirs, yours], strict=True):
        assert left == pytest.approx(right, rel=within, abs=within)
    origins = [replace(r.provenance, pack=None, started=None) for r in (a, b)]
    assert origins[0] == origins[1]


def assert_trained_alone(some: list[Task], reason: str = "") -> None:
    results = packed(some)
    assert sizes(results) == [1, 1, 1]
    assert all(why and reason in why for why in whys(results))
    assert_as_alone(some, results, within=0)


def sizes(results: dict[int, Result]) -> list[int]:
    return [results[place].provenance.pack.size for place in sorted(results)]


def whys(results: dict[int, Result]) -> list[str]:
    return [results[place].provenance.pack.why for place in sorted(results)]


def test_a_pack_gives_what_the_trials_give_alone() -> None:
    """Ten steps in float32: long enough to differ, too short for rounding to grow."""
    some = rates(TRAIN_SUBSET="40", BATCH_SIZE="8", NUM_EPOCHS="2", PRUNING_RAMP_END_EPOCH="2")
    results = packed(some)
    assert_as_alone(some, results)
    assert sizes(results) == [3, 3, 3]
    assert whys(results) == [""] * 3


def test_seeds_of_one_configuration_are_a_pack_too() -> None:
    some = tasks({"SEED": "1"}, {"SEED": "2"}, {"SEED": "3"}, NUM_EPOCHS="1", PRUNING_METHOD="none")
    results = packed(some)
    assert_as_alone(some, results, within=1e-4)
    assert sizes(results) == [3, 3, 3]


def test_results_come_in_the_order_of_ending() -> None:
    epochs = ("3", "1", "2", "1")
    some = tasks(*({"NUM_EPOCHS": e} for e in epochs), PRUNING_METHOD="none")
    assert [place for place, _ in worker_entry.train_pack(some)] == [1, 3, 2, 0]


def test_each_job_is_told_of_its_own_epochs() -> None:
    seen: list[list[Any]] = [[], []]
    some = [small_task(SEED=str(k), NUM_EPOCHS=str(2 + k)) for k in range(2)]
    results = dict(worker_entry.train_pack(some, lambda place, record: seen[place].append(record)))
    for k, records in enumerate(seen):
        assert records == results[k].history
        assert [record["epoch"] for record in records] == list(range(1, 3 + k))


def test_a_result_is_there_before_longer_trials_go_on() -> None:
    seen: list[Any] = []
    long, short = tasks({}, {"NUM_EPOCHS": "1"}, PRUNING_METHOD="none")
    emit: Any = lambda place, record: seen.append(record) if place == 0 else None  # noqa: E731
    place, _ = next(iter(worker_entry.train_pack([long, short], emit)))
    assert place == 1
    assert len(seen) == 1


def test_seconds_are_each_trials_share(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(clock)))
    results = packed(tasks({}, {"SEED": "2", "NUM_EPOCHS": "2"}, PRUNING_METHOD="none"))
    assert [record["seconds"] for record in results[0].history] == [0.5, 0.5, 1.0]
    assert results[0].measures["total_time"] == 2.0
    assert results[1].measures["total_time"] == 1.0


def test_trials_that_cannot_train_do_not_keep_the_others(tmp_path: Any) -> None:
    some = [
        small_task(),
        small_task(PRUNING_WARMUP="7800"),
        small_task(DATASET="mnist", settings={"DATA_DIR": str(tmp_path)}),
        small_task(SEED="2"),
    ]
    results = packed(some)
    assert [results[k].status for k in range(4)] == [
        Status.PASSED,
        Status.FAILED,
        Status.ERROR,
        Status.PASSED,
    ]
    assert results[1].reason == "pruning_never_starts"
    assert results[2].reason == "input"
    assert sizes({k: results[k] for k in (0, 3)}) == [2, 2]


def test_one_that_diverges_is_one_that_failed() -> None:
    wild = {"LEARNING_RATE": "100", "SGD_MOMENTUM": "0.99"}
    some = tasks({}, wild, {"SEED": "2"}, OPTIMIZER="sgd", PRUNING_METHOD="none")
    results = packed(some)
    assert (results[1].status, results[1].reason) == (Status.FAILED, "diverged")
    assert results[0].status is results[2].status is Status.PASSED
    assert_near(results[2], worker_entry.train_trial(some[2]), 1e-4)


def test_trials_of_two_widths_are_two_packs() -> None:
    widths = ("8", "16", "8", "16", "8", "24")
    some = tasks(*({"MLP_WIDTH": w} for w in widths), NUM_EPOCHS="1", PRUNING_METHOD="none")
    results = packed(some)
    assert sizes(results) == [3, 2, 3, 2, 3, 1]
    assert_as_alone(some, results, within=1e-4)


def test_no_jobs_are_no_results() -> None:
    assert packed([]) == {}


def test_threads_are_those_of_each_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    class Watching(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(torch.get_num_threads())
            return x

    built_of(monkeypatch, Watching)
    threads = torch.get_num_threads()
    try:
        some = tasks({"CPU_THREADS": "1"}, {"CPU_THREADS": "2"}, PRUNING_METHOD="none")
        list(worker_entry.train_pack(some))
    finally:
        torch.set_num_threads(threads)
    assert seen == sorted(seen)
    assert set(seen) == {1, 2}


def built_of(monkeypatch: pytest.MonkeyPatch, *parts: Callable[[], nn.Module]) -> None:
    """Make the plainest model one with `parts` between the image and the output layer."""

    def build(self: Mlp, shape: SampleShape) -> nn.Module:
        width = shape.channels * shape.height * shape.width
        made = [part() for part in parts]
        return nn.Sequential(nn.Flatten(), *made, nn.Linear(width, shape.classes))

    monkeypatch.setattr(Mlp, "build", build)


class Centred(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x) if self.training else x


class FixedBatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(8, -1) if self.training else x


class Reaching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(64, 64)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.inner.weight


UNFIT: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "mixes samples": (Centred, "mixes the samples"),
    "draws from the global generator": (Noisy, "draws random numbers"),
    "knows the size of its batch": (FixedBatch, "fails on a batch"),
    "reaches into a layer": (Reaching, "fails on a batch"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_be_packed_is_found_out_and_trained_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, reason = UNFIT[name]
    built_of(monkeypatch, part)
    assert_trained_alone(rates(PRUNING_METHOD="none", NUM_EPOCHS="2"), reason)


class Unpackable(NoPruning):
    packable: ClassVar[bool] = False


class Hooking(NoPruning):
    def attach(self, run: Run) -> None:
        run.model.register_forward_hook(lambda *_: None)


class Scaling(NoPruning):
    """Changes gradients through hooks of the parameters."""

    def attach(self, run: Run) -> None:
        for parameter in run.model.parameters():
            parameter.register_hook(lambda grad: grad / 2)


@pytest.mark.parametrize(
    ("method", "reason"),
    [(Unpackable, "cannot be packed"), (Hooking, "hooks"), (Scaling, "hooks")],
)
def test_methods_that_do_not_allow_it_are_trained_alone(
    method: type[NoPruning], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("packable", "attach"):
        monkeypatch.setattr(NoPruning, name, vars(method).get(name, getattr(NoPruning, name)))
    assert_trained_alone(rates(PRUNING_METHOD="none", NUM_EPOCHS="1"), reason)


def test_parametrized_models_are_trained_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    built_of(monkeypatch, lambda: nn.utils.parametrizations.weight_norm(nn.Linear(64, 64)))
    assert_trained_alone(rates(PRUNING_METHOD="none", NUM_EPOCHS="1"))


def test_compiled_models_are_trained_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda module: module)
    results = packed(rates(COMPILE="y", PRUNING_METHOD="none", NUM_EPOCHS="1"))
    assert sizes(results) == [1, 1, 1]
    assert whys(results) == ["compiled models are trained one by one"] * 3


def test_a_pack_in_mixed_precision_is_near_the_trials_alone() -> None:
    some = rates(AMP="bf16", PRUNING_METHOD="none", NUM_EPOCHS="1")
    results = packed(some)
    assert sizes(results) == [3, 3, 3]
    for place, each in enumerate(some):
        own = worker_entry.train_trial(each)
        assert results[place].measures["train_loss"] == pytest.approx(
            own.measures["train_loss"], rel=0.02
        )


def test_what_has_ended_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its tensors are views of stacks: kept, they would keep those of all earlier packs alive.
    alive: list[weakref.ref[Run]] = []
    prepare = worker_entry.prepare

    def watched(task: Task) -> tuple[Trainer, Data]:
        trainer, data = prepare(task)
        alive.append(weakref.ref(trainer.run))
        return trainer, data

    monkeypatch.setattr(worker_entry, "prepare", watched)
    growing = [small_task(NUM_EPOCHS=str(1 + k)) for k in range(4)]
    for ended, _ in enumerate(worker_entry.train_pack(growing)):
        gc.collect()
        assert sum(run() is not None for run in alive) <= 4 - ended
    gc.collect()
    assert not any(run() is not None for run in alive)
