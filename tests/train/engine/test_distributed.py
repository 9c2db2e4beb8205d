"""One trial over two real processes: it trains as in one, and both hold the same bits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shared_entry
import torch
import trial_tasks
from kconfig_values import effective
from torch import nn

from espalier.core.contracts import CannotTrain
from espalier.core.errors import UserError
from espalier.core.trial import Result, Task, Trial
from espalier.run.pool import Pool
from espalier.run.workers.worker_process import Finished
from espalier.surgery import optimizer_state
from espalier.train import worker_entry
from espalier.train.engine import distributed
from espalier.train.engine.distributed import check_shareable, split_batch
from espalier.train.engine.trainer import Recipe

DEADLINE = 120.0  # seconds that a healthy machine never needs
SETTINGS = {**trial_tasks.SETTINGS, "DEBUG_CHECKS": "y"}
# Four epochs of ten steps and one, of three samples a process; the last batch is of two.
SMALL = {
    "TRAIN_SUBSET": "62",
    "BATCH_SIZE": "6",
    "NUM_EPOCHS": "4",
    "MODEL": "mlp",
    "MLP_WIDTH": "16",
    "OPTIMIZER": "sgd",
    "LEARNING_RATE": "0.05",
    "PRUNING_METHOD": "none",
    "PRUNING_WARMUP": "5",
    "PRUNING_RAMP_END_EPOCH": "3",
    "PRUNING_FREQUENCY": "5",
    "SPARSE_DENSITY": "0.3",
    "SPARSE_EVERY": "7",
    "APOPTOSIS_RATE": "0.3",
    "APOPTOSIS_INTERVAL": "9",
    "APOPTOSIS_GROWTH_RATE": "0.3",
    "APOPTOSIS_GROWTH_INTERVAL": "9",
    "APOPTOSIS_MATURITY": "8",
    "APOPTOSIS_FUNCTIONAL_PRESERVATION_STEPS": "3",
    "BLOCKS_SIZES": "16,16",
    "GROW_TO": "0.5",
    "GROWTH_EVENTS": "3",
}
GPT = {
    "DATASET": "text",
    "TEXT_LENGTH": "4000",
    "TEXT_CONTEXT": "8",
    "MODEL": "gpt",
    "GPT_WIDTH": "8",
    "GPT_LAYERS": "1",
    "GPT_HEADS": "2",
}
EVENTS = {
    "rigl": "sparse_events",
    "apoptosis_functional": "events",
    "apoptosis_growth": "events",
    "grow": "growth_events",
}


def task(folder: Path, act: str = "kept", **changes: str) -> Task:
    settings = {name: value for name, value in changes.items() if name in SETTINGS}
    wishes = {name: value for name, value in changes.items() if name not in SETTINGS}
    config = effective({**SMALL, **wishes})
    assert all(config[name] == value for name, value in wishes.items() if name in config)
    folder.mkdir(exist_ok=True)
    settings = {**SETTINGS, "ACT": act, **settings}
    return Task.single(Trial(1, "config_001", "id", config), settings, folder)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    log = tmp_path_factory.mktemp("workers") / "workers.log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(shared_entry.__file__).parent))
        made = Pool("shared_entry:train", ["cpu,cpu"], log)
        yield made
        made.close()


def together(pool: Pool, folder: Path, act: str = "kept", **wishes: str) -> Result:
    """What comes of a trial over two processes, both at its end."""
    joint, end = task(folder, act, DEVICES_PER_TRIAL="2", **wishes), time.monotonic() + DEADLINE
    while not pool.idle():
        pool.wait(0.1)
        assert time.monotonic() < end
    pool.submit(0, joint)
    results: list[Result] = []
    while not (results and pool.idle()) and not (results and results[0].status == "error"):
        results += [event.result for event in pool.wait(0.05) if isinstance(event, Finished)]
        assert time.monotonic() < end
    return results[0]


def parts(folder: Path) -> tuple[Any, Any]:
    """What either process held in the end."""
    first, second = (torch.load(folder / f"rank{rank}.pt", weights_only=False) for rank in (0, 1))
    return first, second


def equal(a: Any, b: Any) -> bool:
    """Whether two results hold the same bits, times that were measured aside."""
    if isinstance(a, torch.Tensor):
        here, there = a.numpy().tobytes(), b.numpy().tobytes()
        return a.shape == b.shape and a.dtype == b.dtype and here == there
    if isinstance(a, float):
        return isinstance(b, float)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


def far(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    """The largest difference between the tensors of two networks of the same shape."""
    assert {name: x.shape for name, x in a.items()} == {n: x.shape for n, x in b.items()}
    return max(float((x.double() - b[name].double()).abs().max()) for name, x in a.items())


@pytest.mark.parametrize(
    "wishes",
    [
        {"TRAIN_SUBSET": "60"},  # ten steps of even shares
        {"TRAIN_SUBSET": "71", "BATCH_SIZE": "7"},  # uneven ones, and a small last batch
        {"GRAD_CLIP_NORM": "0.1", "OPTIMIZER": "adam", "LEARNING_RATE": "0.001"},
        {"TRAIN_SUBSET": "60", "MICRO_BATCH": "2"},  # shares in parts
        {"MODEL": "lenet5", "TRAIN_SUBSET": "71", "BATCH_SIZE": "7"},
        {"MODEL": "lenet5", "MICRO_BATCH": "2"},
        {**GPT, "LEARNING_RATE": "0.01"},  # one table in two places
    ],
    ids=["even", "uneven", "clipped", "parts", "normalised", "normalised parts", "shared table"],
)
def test_two_processes_train_as_one(pool: Pool, tmp_path: Path, wishes: dict[str, str]) -> None:
    wishes = {**wishes, "NUM_EPOCHS": "1"}
    result = together(pool, tmp_path, **wishes)
    assert result.status == "passed", result.message
    first, second = parts(tmp_path)
    assert equal(first, second)
    alone = shared_entry.kept(task(tmp_path / "alone", **wishes))
    held = torch.load(tmp_path / "alone" / "rank0.pt", weights_only=False)
    assert far(first["tensors"], held["tensors"]) < 1e-5
    assert result.history[0]["train_loss"] == pytest.approx(
        alone.history[0]["train_loss"], abs=1e-6
    )
    assert result.history[0]["val_loss"] == pytest.approx(alone.history[0]["val_loss"], abs=1e-5)
    assert result.history[0]["step"] == alone.history[0]["step"] >= 10


@pytest.mark.parametrize(
    "wishes",
    [
        {"PRUNING_METHOD": "magnitude"},
        {"PRUNING_METHOD": "state", "OPTIMIZER": "adamwprune", "LEARNING_RATE": "0.002"},
        {"PRUNING_METHOD": "rigl"},
        {"PRUNING_METHOD": "nm"},
        {"PRUNING_METHOD": "topkast"},
        {"PRUNING_METHOD": "apoptosis_functional"},
        {"PRUNING_METHOD": "apoptosis_growth"},
        {"PRUNING_METHOD": "grow", "MODEL": "blocks"},
        {"PRUNING_METHOD": "apoptosis_functional", "MODEL": "lenet5", "LEARNING_RATE": "0.01"},
    ],
    ids=lambda wishes: "-".join(list(wishes.values())[:2]),
)
def test_methods_decide_the_same_in_every_process(
    pool: Pool, tmp_path: Path, wishes: dict[str, str]
) -> None:
    result = together(pool, tmp_path, **wishes)
    assert result.status == "passed", result.message
    first, second = parts(tmp_path)
    assert equal(first, second)  # parameters, masks, buffers, births, moments: every bit
    alone = shared_entry.kept(task(tmp_path / "alone", **wishes))
    held = torch.load(tmp_path / "alone" / "rank0.pt", weights_only=False)
    assert first["changes"] == held["changes"]
    assert far(first["tensors"], held["tensors"]) < 1e-4  # forty steps and rounding
    assert result.history[-1]["sparsity"] == alone.history[-1]["sparsity"]
    last, events = result.history[-1], EVENTS.get(wishes["PRUNING_METHOD"])
    assert events is None or last[events] == alone.history[-1][events] >= 2


def test_dropout_is_each_process_own_and_leaves_the_common_stream_alone(
    pool: Pool, tmp_path: Path
) -> None:
    text = {"DATASET": "text", "MODEL": "charlm", "CHARLM_WIDTH": "8", "CHARLM_LAYERS": "1"}
    text |= {"CHARLM_HEADS": "2", "CHARLM_INNER": "16", "TEXT_LENGTH": "4000", "TEXT_CONTEXT": "8"}
    text |= {"CHARLM_DROPOUT": "0.5", "NUM_EPOCHS": "2"}
    result = together(pool, tmp_path / "both", **text)
    assert result.status == "passed", result.message
    first, second = parts(tmp_path / "both")
    assert equal(first, second)  # with what is drawn next
    again = together(pool, tmp_path / "again", **text)
    assert [r["val_loss"] for r in again.history] == [r["val_loss"] for r in result.history]


def test_a_whole_trial_says_over_how_many_it_was_trained(pool: Pool, tmp_path: Path) -> None:
    wishes = {"PRUNING_METHOD": "apoptosis_functional"}
    result = together(pool, tmp_path, act="real", **wishes)
    alone = worker_entry.train_trial(task(tmp_path / "alone", **wishes))
    assert (result.provenance.ranks, alone.provenance.ranks) == (2, 1)
    for name in ("val_loss", "test_loss", "train_acc", "live_parameters"):
        assert result.measures[name] == pytest.approx(alone.measures[name], abs=1e-4)
    files = [
        sorted(path.name for path in folder.glob("*.csv"))
        for folder in (tmp_path, tmp_path / "alone")
    ]
    assert files[0] == files[1] != []


def test_what_cannot_be_shared_is_refused_before_the_first_step(pool: Pool, tmp_path: Path) -> None:
    result = together(pool, tmp_path, act="real", MODEL="lenet5", COMPILE="y")
    assert (result.status, result.reason) == ("failed", "batch_norm")
    assert "CONFIG_DEVICES_PER_TRIAL=2: batch normalisation" in result.message
    with pytest.raises(CannotTrain, match="CONFIG_BATCH_SIZE=3 must be at least as large"):
        check_shareable(nn.Linear(1, 1), Recipe(batch_size=3, devices=4), _at("meeting"))
    with pytest.raises(UserError, match="CONFIG_DEVICES_PER_TRIAL=4: needs worker processes"):
        check_shareable(nn.Linear(1, 1), Recipe(devices=4), _at(""))
    check_shareable(nn.BatchNorm1d(1), Recipe(devices=1), _at(""))


def _at(rendezvous: str) -> Task:
    task = Task.single(Trial(1, "config_001", "id", {}), {}, Path())
    return replace(task, rendezvous=rendezvous)


def test_processes_that_part_are_noticed(pool: Pool, tmp_path: Path) -> None:
    result = together(pool, tmp_path, act="apart")
    assert result.reason == "RanksDivergedError"
    what = "after step 22 the 2 processes of this trial differ in parameters: something in it"
    assert result.message.startswith(what)


def test_shares_of_a_batch() -> None:
    assert [split_batch(7, rank, 3) for rank in range(3)] == [
        (slice(0, 2), 2 / 7),
        (slice(2, 4), 2 / 7),
        (slice(4, 7), 3 / 7),
    ]
    assert [
        split_batch(2, rank, 3) for rank in range(3)
    ] == [  # one has none, and computes one for 0
        (slice(0, 1), 0.0),
        (slice(0, 1), 0.5),
        (slice(1, 2), 0.5),
    ]


def test_a_parameter_that_had_another_shape_for_a_while_is_noticed() -> None:
    """As after an action that was tried and taken back: what torch had hooked into is gone."""
    parameter = nn.Parameter(torch.zeros(2))
    before = [distributed._placement(parameter)]
    assert distributed._same(before, [distributed._placement(parameter)])
    for size in (3, 2):
        optimizer_state.replace_data(parameter, torch.zeros(size))
        assert not distributed._same(before, [distributed._placement(parameter)])
    frozen = nn.Parameter(torch.zeros(2), requires_grad=False)
    assert distributed._same([distributed._placement(frozen)], [distributed._placement(frozen)])
    assert not distributed._same(before, [])


def test_what_tells_the_same_from_other_bits() -> None:
    digest: Callable[[Any], int] = distributed._digest
    x = torch.tensor([1.0, 2.0])
    assert digest({"a": x}) == digest({"a": x.clone()})
    assert digest({"a": x, "seconds": 0.1}) == digest({"a": x, "seconds": 0.2})
    others = [x.flip(0), x[None], x.double(), x.nextafter(x + 1), -x, torch.tensor([1, 2])]
    assert len({digest(other) for other in [x, *others]}) == 7
    assert digest(torch.tensor(0.0)) != digest(torch.tensor(-0.0))
    assert digest(torch.tensor([True, False])) != digest(torch.tensor([False, True]))
    assert digest([x.bfloat16(), 3]) != digest([x.bfloat16(), 4])


def test_a_process_that_is_killed_ends_the_trial(pool: Pool, tmp_path: Path) -> None:
    """The last test of this file, as fresh processes take seconds to start."""
    before = pool.process(0)
    result = together(pool, tmp_path, act="kill")
    assert (result.status, result.reason) == ("error", "crash")
    assert result.message.startswith("worker was killed by signal 9")
    assert pool.process(0) != before
