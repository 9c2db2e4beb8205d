"""The log of mask events against numbers worked out by hand, and against numpy for every method."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import packing
import pytest
import torch
import trial_tasks
from method_pairs import allowed
from torch import nn

from espalier.core import component
from espalier.core.contracts import CannotTrain, Run
from espalier.layers.masked_blocks import Blocks
from espalier.sparse.events.mask_history import MaskHistory
from espalier.sparse.mask import MaskSet
from espalier.train import loop, worker_entry
from espalier.train.engine.trainer import Trainer
from espalier.train.masks.mask_log import MaskLog, digest, magnitude_mask
from espalier.train.masks.mask_table import MaskEvent, read_mask_events

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
LOGGED = {"MASK_LOG": "y"}
# 80 steps, in which every method acts
WISHES = {
    "NUM_EPOCHS": "8",
    "PRUNING_RAMP_END_EPOCH": "6",
    "APOPTOSIS_INTERVAL": "16",
    "APOPTOSIS_MATURITY": "8",
    "APOPTOSIS_GROWTH_INTERVAL": "16",
    "APOPTOSIS_HYBRID_INTERVAL": "16",
    "APOPTOSIS_REDO_PERIOD": "16",
    "RESAMPLING_STEPS": "13",
    "DROPLINEAR_STEPS": "13",
    "SPARSE_EVERY": "9",
    "TOURNAMENT_STEPS": "2",
    "FIREFLY_STEPS": "0",
}


def blocks() -> nn.Module:
    """Masked blocks, deep enough for every method that grows them."""
    net = Blocks((16, 10, 9, 8, packing.CLASSES))
    net.draw(0.4)
    return net


packing.SIDES[blocks] = 4
BUILDS = (packing.dropping, packing.mlp, packing.branching, packing.sparse, blocks)
MASKING = [
    *("magnitude", "movement", "state", "obd", "obs", "wanda", "snip", "grasp", "synflow"),
    *("random_pruning", "droplinear", "static", "set", "rigl", "snfs", "dsr", "resampling"),
    *("random_rewiring", "granet", "srigl", "cht", "chts", "nm", "topkast", "soft_threshold"),
    *("grow", "patches", "proportional", "tournament"),
]
"""Methods that must have masks; others that have are tested too."""


@dataclass
class StillRun:
    """What a log needs of a run."""

    step: int = 0


def hand_log(masks: MaskSet, step: int = 0) -> MaskLog:
    log = MaskLog(StillRun(step))  # type: ignore[arg-type]
    masks.listener = log
    return log


def weights(*rows: list[float]) -> tuple[MaskSet, torch.optim.Optimizer]:
    parameters = {f"w{i}": nn.Parameter(torch.tensor(row)) for i, row in enumerate(rows)}
    return MaskSet(parameters), torch.optim.SGD(parameters.values(), lr=0.1)


def hash_of(bits: list[int]) -> str:
    """Eight bits a byte, the first the highest, the last byte filled with 0."""
    filled = bits + [0] * (-len(bits) % 8)
    values = [int("".join(map(str, filled[i : i + 8])), 2) for i in range(0, len(filled), 8)]
    return hashlib.sha256(bytes(values)).hexdigest()[:16]


def test_the_numbers_of_an_event_by_hand() -> None:
    masks, optimizer = weights([4.0, -3.0, 2.0, 1.0], [0.5, 6.0])
    log = hand_log(masks, step=7)
    masks.mask_gradients()
    masks.set(torch.tensor([0, 1, 0, 1, 0, 1]).bool(), optimizer)  # live: 4 and 2; 0.5
    first, second, whole = log.rows
    assert first == MaskEvent(
        event=0,
        step=7,
        layer="w0",
        size=4,
        live=2,
        added=0,
        removed=2,
        churn=0.5,
        jaccard_before=2 / 4,
        jaccard_magnitude=1 / 3,  # {4, 2} and {4, 3}
        density=0.5,
        digest=hash_of([1, 0, 1, 0]),
    )
    assert (second.layer, second.live, second.churn) == ("w1", 1, 0.5)
    assert (second.jaccard_before, second.jaccard_magnitude) == (0.5, 0.0)  # {0.5} and {6}
    assert (whole.layer, whole.size, whole.live, whole.removed) == ("", 6, 3, 3)
    assert (whole.churn, whole.jaccard_before, whole.density) == (0.5, 0.5, 0.5)
    assert whole.jaccard_magnitude == 1 / 5  # 1 in common, 2 + 1 + 3 - 1 in either
    assert whole.explored == 1.0
    assert whole.digest == hash_of([1, 0, 1, 0, 1, 0])
    assert whole.milliseconds is not None and whole.milliseconds >= 0


def test_weights_that_come_and_go_count_as_changed() -> None:
    masks, optimizer = weights([4.0, 3.0, 2.0, 1.0])
    masks.set(torch.tensor([0, 0, 1, 1]).bool(), optimizer)
    masks.mask_gradients()
    log = hand_log(masks)
    masks.set(torch.tensor([1, 0, 0, 0]).bool(), optimizer)  # 4 goes; two come, from 0
    event = log.rows[0]
    assert (event.added, event.removed, event.live, event.churn) == (2, 1, 3, 0.75)
    assert event.jaccard_before == 1 / 4
    assert event.jaccard_magnitude == 2 / 4  # live: 1, 2, 3; largest: 0, 1, and 3 of the zeros
    assert log.rows[1].explored == 0.5  # the new ones have not been updated yet


def test_an_event_that_changes_nothing_is_an_event() -> None:
    masks, optimizer = weights([2.0, 1.0])
    masks.set(torch.tensor([0, 1]).bool(), optimizer)
    log = hand_log(masks)
    masks.set(torch.tensor([0, 1]).bool(), optimizer)
    event = log.rows[0]
    assert (event.churn, event.jaccard_before, event.jaccard_magnitude) == (0.0, 1.0, 1.0)


def test_of_an_empty_layer_all_sets_are_equal() -> None:
    masks, optimizer = weights([2.0, 1.0])
    masks.set(torch.ones(2).bool(), optimizer)
    log = hand_log(masks)
    masks.set(torch.ones(2).bool(), optimizer)
    assert (log.rows[0].jaccard_before, log.rows[0].jaccard_magnitude) == (1.0, 1.0)


def test_of_equal_magnitudes_live_ones_come_first() -> None:
    values, live = torch.tensor([[1.0, -1.0], [1.0, 0.0]]), torch.tensor([[0, 1], [1, 0]]).bool()
    assert magnitude_mask(values, live, 2).tolist() == [[False, True], [True, False]]
    assert magnitude_mask(values, live, 0).any().item() is False
    assert magnitude_mask(values, live, 4).all().item() is True


def test_equal_masks_have_equal_hashes() -> None:
    mask = torch.tensor([[1, 0, 0], [0, 0, 1]]).bool()
    assert digest([mask]) == digest([mask.clone()]) == hash_of([1, 0, 0, 0, 0, 1])
    assert digest([mask]) != digest([~mask])


# Every method with masks


def logged(values: packing.Values, build: packing.Build) -> Trainer:
    return packing.trainer(values, build, logs=True)


def setting_of(method: str, **more: str) -> tuple[packing.Values, packing.Build]:
    """A configuration of a method, and a network that it can train."""
    optimizer = next(o for o, m in sorted(allowed(), key=lambda p: p[0] != "adamw") if m == method)
    wishes = {"OPTIMIZER": optimizer, "PRUNING_METHOD": method, **WISHES, **more}
    for k, build in itertools.product((0, 1), BUILDS):
        values = packing.varied(wishes, k)
        with contextlib.suppress(CannotTrain):
            packing.trainer(values, build)
            return values, build
    raise AssertionError(f"nothing to train {method} with")


def masks_of(run: Run) -> tuple[list[Bools], list[Floats]]:
    """Live weights and values of a run, copied."""
    assert run.masks is not None
    live = [mask.clone().numpy() for mask in run.masks.live_masks()]
    return live, [w.detach().clone().numpy() for w in run.masks.values()]


@dataclass
class Change:
    """The masks around the hook after an update, and the weights before it."""

    step: int
    before: list[Bools]
    after: list[Bools]
    values: list[Floats]


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Change]]:
    """Every hook after an update at which masks were set, seen from outside."""
    seen: list[Change] = []
    hook = Trainer.after_step

    def watched(trainer: Trainer) -> None:
        run = trainer.run
        if run.masks is None:  # also a network that is trained to find the first edges
            hook(trainer)
            return
        before, values = masks_of(run)
        count = run.masks.changes
        hook(trainer)
        if run.masks.changes != count:
            seen.append(Change(run.step, before, masks_of(run)[0], values))

    monkeypatch.setattr(Trainer, "after_step", watched)
    yield seen


def largest(values: Floats, live: Bools, count: int) -> Bools:
    """As many of the largest |w|; ties: what is live, then later positions."""
    row, alive = np.abs(values.astype(np.float32)).ravel(), live.ravel()
    order = sorted(range(row.size), key=lambda i: (row[i], alive[i], i))
    mask = np.zeros(row.size, dtype=bool)
    mask[order[row.size - count :]] = True
    return mask.reshape(values.shape)


def jaccard(first: list[Bools], second: list[Bools]) -> float:
    pairs = list(zip(first, second, strict=True))
    either = sum(int((a | b).sum()) for a, b in pairs)
    return sum(int((a & b).sum()) for a, b in pairs) / either if either else 1.0


def expected(change: Change, places: slice) -> dict[str, Any]:
    before, after, values = change.before[places], change.after[places], change.values[places]
    parts = zip(values, before, after, strict=True)
    magnitudes = [largest(w, old, int(new.sum())) for w, old, new in parts]
    size = sum(mask.size for mask in after)
    live = sum(int(mask.sum()) for mask in after)
    moved = sum(int((a ^ b).sum()) for a, b in zip(before, after, strict=True))
    return {
        "step": change.step,
        "size": size,
        "live": live,
        "density": live / size,
        "churn": moved / size,
        "jaccard_before": jaccard(before, after),
        "jaccard_magnitude": jaccard(after, magnitudes),
        "digest": hash_of([int(x) for mask in after for x in mask.ravel()]),
    }


def share_explored(trainer: Trainer, changes: list[Change]) -> float:
    """The union of all masks that an update was done under."""
    masks = [change.before for change in changes]
    last = changes[-1] if changes else None
    if last is None or last.step < trainer.run.step:
        masks.append(masks_of(trainer.run)[0])
    ever = [np.logical_or.reduce(layers) for layers in zip(*masks, strict=True)]
    return sum(int(mask.sum()) for mask in ever) / sum(mask.size for mask in ever)


def train_whole(trainer: Trainer) -> list[dict[str, Any]]:
    records = [record for _, record in loop.Loop([trainer]).epochs()]
    assert all(isinstance(record, dict) for record in records), records
    return [{k: v for k, v in r.items() if not k.endswith("seconds")} for r in records]  # type: ignore[union-attr]


@pytest.mark.parametrize("method", component.names("method"))
def test_what_a_method_does_to_its_masks_is_logged(method: str, changes: list[Change]) -> None:
    trainer = logged(*setting_of(method))
    if trainer.run.masks is None:
        assert method not in MASKING
        pytest.skip("it has no masks")
    check_logged(trainer, changes)


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("magnitude", {"PRUNING_TIMING": "rounds", "PRUNING_REWIND": "weights"}),
        ("wanda", {"PRUNING_TIMING": "one_shot"}),
        ("magnitude", {"PRUNING_TIMING": "start"}),
        ("set", {"SPARSE_START": "data", "MODEL": "mlp"}),
        ("rigl", {"SPARSE_START": "hierarchical", "MODEL": "mlp"}),
    ],
)
def test_it_is_whenever_masks_are_set(
    method: str, more: dict[str, str], changes: list[Change]
) -> None:
    values, build = setting_of(method, **more)
    assert more.items() <= values.items()
    check_logged(logged(values, build), changes)


def check_logged(trainer: Trainer, changes: list[Change]) -> None:
    """Train to the end; every change that is seen from outside is in the log, as numpy has it."""
    log = trainer.run.mask_listener
    assert isinstance(log, MaskLog) and trainer.run.masks is not None
    train_whole(trainer)
    count = len(trainer.run.masks.names)
    later = [row for row in log.rows if row.step > 0]
    events = [later[i : i + count + 1] for i in range(0, len(later), count + 1)]
    assert [group[-1].step for group in events] == [change.step for change in changes]
    for group, change in zip(events, changes, strict=True):
        for place, row in enumerate(group):
            places = slice(None) if place == count else slice(place, place + 1)
            fields = expected(change, places)
            assert {name: getattr(row, name) for name in fields} == fields
            assert row.added - row.removed == sum(
                int(b.sum()) - int(a.sum())
                for a, b in zip(change.before[places], change.after[places], strict=True)
            )
    assert trainer.run.masks.explored_share == share_explored(trainer, changes)
    assert [row.event for row in log.rows[count :: count + 1]] == list(range(log.events))


@pytest.mark.parametrize("method", component.names("method"))
def test_a_method_announces_the_masks_that_it_makes(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[MaskHistory] = []
    begin = MaskHistory.__init__

    def noted(masks: MaskHistory) -> None:
        made.append(masks)
        begin(masks)

    values, build = setting_of(method)
    monkeypatch.setattr(MaskHistory, "__init__", noted)
    run = packing.trainer(values, build).run
    assert made == ([] if run.masks is None else [run.masks])


@pytest.mark.parametrize("method", MASKING)
def test_a_log_changes_nothing(method: str) -> None:
    values, build = setting_of(method)
    plain, with_log = packing.trainer(values, build), logged(values, build)
    assert train_whole(plain) == train_whole(with_log)
    pairs = zip(plain.run.model.parameters(), with_log.run.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def untimed(events: list[MaskEvent]) -> list[MaskEvent]:
    return [replace(event, milliseconds=None) for event in events]


def test_a_pack_logs_what_each_run_alone_does() -> None:
    wishes = {"OPTIMIZER": "adamw", "PRUNING_METHOD": "rigl", **WISHES}
    each = [packing.varied(wishes, k) for k in range(3)]
    packed = [logged(values, packing.mlp) for values in each]
    packing.train(packed)
    for values, trainer in zip(each, packed, strict=True):
        alone = logged(values, packing.mlp)
        train_whole(alone)
        logs = trainer.run.mask_listener, alone.run.mask_listener
        assert isinstance(logs[0], MaskLog) and isinstance(logs[1], MaskLog)
        assert untimed(logs[0].rows) == untimed(logs[1].rows) != []


@pytest.mark.parametrize(
    "wishes",
    [
        {"PRUNING_METHOD": "magnitude"},
        {"PRUNING_METHOD": "rigl", "SPARSE_EVERY": "4"},
        {"PRUNING_METHOD": "magnitude", "PRUNING_TIMING": "rounds", "PRUNING_REWIND": "weights"},
    ],
)
def test_a_trial_that_is_killed_and_goes_on_leaves_the_same_table(
    tmp_path: Path, wishes: dict[str, str]
) -> None:
    whole, parts = (tmp_path / name for name in ("whole", "parts"))
    for folder in (whole, parts):
        folder.mkdir()
    result = worker_entry.train_trial(trial_tasks.snapshot_task(whole, LOGGED, **wishes))
    task = trial_tasks.snapshot_task(parts, LOGGED, **wishes)
    for epoch in (1, 2, 3):
        trial_tasks.killed_after(epoch, task)
        assert not (parts / "mask_events.csv").exists()
    again = worker_entry.train_trial(task)
    tables = [read_mask_events(folder / "mask_events.csv") for folder in (whole, parts)]
    assert untimed(tables[0]) == untimed(tables[1]) != []
    assert again.measures["explored_share"] == result.measures["explored_share"]


def test_a_trial_without_masks_leaves_no_table(tmp_path: Path) -> None:
    task = trial_tasks.snapshot_task(tmp_path, LOGGED, PRUNING_METHOD="none")
    assert "explored_share" not in worker_entry.train_trial(task).measures
    assert not (tmp_path / "mask_events.csv").exists()


def test_a_trial_that_diverges_leaves_its_table(tmp_path: Path) -> None:
    wishes = {"OPTIMIZER": "sgd", "PRUNING_METHOD": "static", "LEARNING_RATE": "1000"}
    result = worker_entry.train_trial(trial_tasks.snapshot_task(tmp_path, LOGGED, **wishes))
    assert result.reason == "diverged"
    assert {row.step for row in read_mask_events(tmp_path / "mask_events.csv")} == {0}


def test_a_trial_without_a_log_leaves_no_table(tmp_path: Path) -> None:
    plain = worker_entry.train_trial(trial_tasks.snapshot_task(tmp_path))
    assert not (tmp_path / "mask_events.csv").exists()
    with_log = worker_entry.train_trial(trial_tasks.snapshot_task(tmp_path / "b", LOGGED))
    assert trial_tasks.numbers(plain) == trial_tasks.numbers(with_log)
    assert plain.measures["explored_share"] == 1.0


def test_a_log_that_is_switched_on_later_keeps_what_it_has_seen() -> None:
    values, build = setting_of("rigl")
    log = logged(values, build).run.mask_listener
    assert isinstance(log, MaskLog)
    rows = list(log.rows)
    log.load_state_dict({})
    assert log.rows == rows and rows


def test_every_masking_method_is_a_component() -> None:
    assert set(MASKING) <= set(itertools.chain(component.names("method")))
