"""Data that changes while a trial trains: permutations and measures by hand, seeds, packs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from kconfig_values import assigned
from torch import Tensor
from trial_tasks import TEXT, numbers, small_task

from espalier.core.records import PackShare
from espalier.core.samples import Split
from espalier.core.trial import Record, Result, Status, Task
from espalier.kconfig import assign
from espalier.train import worker_entry
from espalier.train.checkpoints.run_state import capture, restore
from espalier.train.data.class_tasks import ClassTasks
from espalier.train.data.device_residency import ResidencyPlan
from espalier.train.data.permuted_tasks import PermutedCharacters, PermutedPixels
from espalier.train.data.random_labels import random_labels
from espalier.train.data.splits import Data
from espalier.train.data.task_orders import permutation, task_order
from espalier.train.data.text_windows import TextPart
from espalier.train.data.transforms import Preparation
from espalier.train.engine.task_sequence import TaskSequence, last_task, task_ends
from espalier.train.engine.trainer import Trainer
from espalier.train.loop import Loop

CPU = torch.device("cpu")
PIXELS = {"PRUNING_METHOD": "none", "SHIFT": "permuted", "SHIFT_EPOCHS": "1", "TRAIN_SUBSET": "40"}
CHARACTERS = {**TEXT, **PIXELS}
RETURN = {
    **CHARACTERS,
    "TEXT_VOCABULARY": "shared",
    "SHIFT": "return",
    "NUM_EPOCHS": "4",
}
LABELS = {**PIXELS, "SHIFT": "labels", "SHIFT_SHARE": "0.3"}
CLASSES = {**PIXELS, "SHIFT": "classes", "TRAIN_SUBSET": "400", "SHIFT_SHARE": "0.5"}
GROWING = {**PIXELS, "SHIFT": "growing"}
RANDOM = {**PIXELS, "SHIFT": "random_labels", "SHIFT_SHARE": "0.25"}
KINDS = {
    "pixels": PIXELS,
    "gradual": {**PIXELS, "SHIFT_SHARE": "0.1"},
    "characters": CHARACTERS,
    "labels": LABELS,
    "next": {**CHARACTERS, "SHIFT": "labels"},
    "random labels": RANDOM,
    "classes": CLASSES,
    "growing": GROWING,
    "return": RETURN,
}
SHIFTS = pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)


def prepared(**changes: str) -> tuple[Trainer, Data]:
    return worker_entry.prepare(small_task(**changes))


def all_of(split: Split) -> tuple[Tensor, Tensor]:
    """Every sample as it is handed out."""
    xs, ys = zip(*split.pieces(1000), strict=True)
    return torch.cat(xs), torch.cat(ys)


def same(a: Split, b: Split) -> bool:
    pairs = zip(all_of(a), all_of(b), strict=True)
    return all(torch.equal(left, right) for left, right in pairs)


def train(**changes: str) -> Result:
    result = worker_entry.train_trial(small_task(**changes))
    assert result.status is Status.PASSED, result.message
    return result


# Permutations


def test_pixels_change_places_in_all_channels_alike_and_labels_stay() -> None:
    x = torch.tensor([[[[0.0, 1], [2, 3]], [[10, 11], [12, 13]]]])  # one image, two channels
    inner = Split(x, torch.tensor([7]))
    split = PermutedPixels(inner.x, inner.y, inner, torch.tensor([3, 0, 1, 2]))
    ((seen, label),) = split.pieces(10)
    assert seen.tolist() == [[[[3, 0], [1, 2]], [[13, 10], [11, 12]]]]
    assert label.tolist() == [7] and x[0, 0, 0].tolist() == [0, 1]


def test_characters_change_in_what_is_read_and_in_what_is_predicted() -> None:
    inner = TextPart(torch.tensor([0, 1, 2, 2, 0, 1, 1]), 3, 3).split(CPU)
    split = PermutedCharacters(inner.x, inner.y, inner, torch.tensor([2, 0, 1]))
    x, y = all_of(split)
    assert x.tolist() == [[2, 0, 1], [1, 2, 0]]
    assert y.tolist() == [[0, 1, 1], [2, 0, 0]]


def test_batches_are_those_of_the_inner_split_permuted() -> None:
    inner = Split(torch.arange(12.0).view(3, 1, 2, 2), torch.arange(3))
    split = PermutedPixels(inner.x, inner.y, inner, torch.tensor([1, 0, 3, 2]))
    orders = torch.tensor([[2, 0, 1], [0, 1, 2]])
    permuted = [(x.flatten(1).tolist(), y.tolist()) for x, y in split.batches(orders, 2)]
    a, b, c = [1, 0, 3, 2], [5, 4, 7, 6], [9, 8, 11, 10]
    assert permuted[0] == ([c, a, b, a, b, c], [2, 0, 1, 0, 1, 2])
    assert len(permuted) == 1  # the sample left over joins the batch before


def test_every_task_has_a_permutation_of_its_own_that_the_seed_decides() -> None:
    some = [permutation(50, seed, task).tolist() for seed in (0, 1) for task in (1, 2, 3)]
    assert all(sorted(order) == list(range(50)) for order in some)
    assert len(set(map(tuple, some))) == 6
    assert permutation(50, 0, 3).tolist() == some[2]  # with none of those before it


@pytest.mark.parametrize("workers", [0, 2])
def test_a_set_that_is_streamed_is_permuted_to_the_same_numbers(workers: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(256, (1200, 1, 16, 16), generator=generator, dtype=torch.uint8)
    raw, order = Split(x, torch.arange(1200)), permutation(256, 0, 1)
    prepare = Preparation.of(x, True, 16)
    held, streamed = (
        PermutedPixels(kept.x, kept.y, kept, order)
        for limit in (100, 1)
        for kept in ResidencyPlan(limit, workers).place([raw], prepare, CPU)
    )
    assert [split.inner.streamed for split in (held, streamed)] == [False, True]
    assert same(held, streamed) and streamed.device == CPU
    orders = torch.arange(1200).flip(0)[None]
    a, b = (next(iter(split.batches(orders, 8))) for split in (held, streamed))
    assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])


# Courses


def walk(trainer: Trainer) -> list[tuple[Split, Split]]:
    """The samples of each epoch."""
    splits = []
    for epoch in range(trainer.run.epochs):
        trainer.run.epoch = epoch
        trainer.tasks.begin(trainer.run)
        splits.append((trainer.run.train, trainer.run.validation))
    return splits


def test_the_first_task_is_as_the_data_set_has_it_and_each_later_one_differs() -> None:
    plain, _ = prepared(**{**PIXELS, "SHIFT": "none"})
    trainer, _ = prepared(**{**PIXELS, "NUM_EPOCHS": "6", "SHIFT_EPOCHS": "2"})
    trains, validations = zip(*walk(trainer), strict=True)
    assert trains[0] is trains[1] is plain.run.train
    for splits in (trains, validations):
        assert [same(a, b) for a, b in zip(splits, splits[1:], strict=False)] == [
            *(True, False, True, False, True)
        ]
    x, y = all_of(trains[2])
    shuffled = plain.run.train.x.flatten(2)[..., permutation(64, 0, 1)]
    assert torch.equal(x.flatten(2), shuffled) and torch.equal(y, plain.run.train.y)


def test_hundreds_of_tasks_take_the_memory_of_one() -> None:
    trainer, _ = prepared(**{**PIXELS, "NUM_EPOCHS": "300"})
    places = {split.x.data_ptr() for pair in walk(trainer) for split in pair}
    assert len(places) == 2


def test_there_and_back_again_with_equal_numbers_of_samples(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abcdefgh" * 200, encoding="utf-8")
    (tmp_path / "b.txt").write_text("hg\u00df\u20ac" * 150, encoding="utf-8")
    files = {"TEXT_FILE": f"{tmp_path}/a.txt", "TEXT_SHIFT_FILE": f"{tmp_path}/b.txt"}
    values = {**RETURN, **files, "TEXT_CORPUS": "file", "TEXT_SHIFT_CORPUS": "file"}
    trainer, data = prepared(**{**values, "TRAIN_SUBSET": "0", "TEXT_LENGTH": "0"})
    pairs = walk(trainer)
    assert pairs[0][0] is pairs[2][0] is pairs[3][0] and pairs[1][0] is not pairs[0][0]
    # b: 600 characters, 540 without the test, 459 without validation: 57 windows of 8
    assert [len(train) for train, _ in pairs] == [57] * 4
    assert [len(validation) for _, validation in pairs] == [26, 10, 26, 26]
    assert len(data.test) == 19
    assert len(set(all_of(pairs[1][0])[0].flatten().tolist())) == 4


def test_a_run_that_goes_on_from_any_epoch_goes_on_with_the_same_samples() -> None:
    for changes in KINDS.values():
        (whole, _), (other, _) = prepared(**changes), prepared(**changes)
        expected = walk(whole)
        for epoch in reversed(range(whole.run.epochs)):
            other.run.epoch = epoch
            other.tasks.begin(other.run)
            assert same(other.run.train, expected[epoch][0])
            assert same(other.run.validation, expected[epoch][1])


def test_the_test_is_that_of_the_last_task_and_opens_once() -> None:
    _, plain = prepared(**{**PIXELS, "SHIFT": "none"})
    _, data = prepared(**PIXELS)  # three tasks
    inner = plain.test.open()
    order = permutation(64, 0, 2)
    assert same(data.test.open(), PermutedPixels(inner.x, inner.y, inner, order))
    with pytest.raises(RuntimeError, match="opened before"):
        data.test.open()


def test_permutations_follow_their_own_seed_and_not_that_of_the_trial() -> None:
    last = [
        walk(prepared(**PIXELS, **seeds)[0])[-1][0]
        for seeds in ({}, {"SEED": "2"}, {"SHIFT_SEED": "1"})
    ]
    assert same(last[0], last[1]) and not same(last[0], last[2])


def test_both_data_sets_are_in_the_fingerprint() -> None:
    prints = [
        prepared(**{**RETURN, **more})[1].fingerprint
        for more in ({}, {"TEXT_SHIFT_CORPUS": "prose"}, {"SHIFT": "none"})
    ]
    assert len(set(prints)) == 3 and {len(text) for text in prints} == {16}


def test_a_share_of_the_classes_exchange_their_labels() -> None:
    plain, _ = prepared(**{**PIXELS, "SHIFT": "none"})
    trainer, data = prepared(**{**LABELS, "NUM_EPOCHS": "4"})
    before = plain.run.train.y
    for task, (train, _) in enumerate(walk(trainer)):
        order = task_order(10, 0, task, 0.3)
        x, y = all_of(train)
        assert torch.equal(x, plain.run.train.x) and torch.equal(y, order[plain.run.train.y])
        changed = {int(c) for c in plain.run.train.y[y != before]}
        assert len(changed) == (3 if task else 0)
        before = y
    assert torch.equal(all_of(data.test.open())[1], task_order(10, 0, 3, 0.3)[plain_test()])


def plain_test() -> Tensor:
    return prepared(**{**PIXELS, "SHIFT": "none"})[1].test.open().y


def test_of_text_the_characters_to_be_predicted_are_exchanged() -> None:
    plain, _ = prepared(**{**CHARACTERS, "SHIFT": "none"})
    trainer, data = prepared(**{**CHARACTERS, "SHIFT": "labels"})
    (x, y), (x0, y0) = all_of(walk(trainer)[1][0]), all_of(plain.run.train)
    order = permutation(data.shape.vocabulary, 0, 1)
    assert torch.equal(x, x0) and torch.equal(y, order[y0])


def test_classes_come_one_after_the_other_and_again() -> None:
    trainer, data = prepared(**{**CLASSES, "NUM_EPOCHS": "12"})
    classes = permutation(10, 0, 0).tolist()
    splits = walk(trainer)
    for task, (train, validation) in enumerate(splits):
        expected = {classes[task % 10], classes[(task + 1) % 10]}
        for split in (train, validation):
            x, y = all_of(split)
            assert set(y.tolist()) == expected and len(x) == len(y) == len(split)
    assert len({len(train) for train, _ in splits}) == 1
    assert set(all_of(data.test.open())[1].tolist()) == {classes[1], classes[2]}


def test_abruptly_no_class_of_a_task_is_in_the_next() -> None:
    trainer, _ = prepared(**{**CLASSES, "SHIFT_SHARE": "1"})
    members = [set(train.y.tolist()) for train, _ in walk(trainer)]
    assert not members[0] & members[1] and not members[1] & members[2]


def test_random_labels_are_learnt_by_heart_and_a_share_of_them_draws_anew() -> None:
    plain, _ = prepared(**{**PIXELS, "SHIFT": "none"})
    trainer, data = prepared(**{**RANDOM, "NUM_EPOCHS": "4"})
    before = plain.run.train.y
    for task, (train, validation) in enumerate(walk(trainer)):
        x, y = all_of(train)
        assert validation is train and torch.equal(x, plain.run.train.x)
        assert torch.equal(y, random_labels(40, 10, 0, task, 0.25))
        assert int((y != before).sum()) <= (10 if task else 40)  # some draw the label they had
        before = y
    assert not torch.equal(all_of(data.test.open())[1], plain_test())


def test_classes_accumulate_until_all_are_there() -> None:
    trainer, data = prepared(**{**GROWING, "SHIFT_CLASSES_OF_TASK": "3", "NUM_EPOCHS": "5"})
    classes = permutation(10, 0, 0).tolist()
    splits = walk(trainer)
    for (train, validation), count in zip(splits, (3, 6, 9, 10, 10), strict=True):
        for split in (train, validation):
            assert set(all_of(split)[1].tolist()) <= set(classes[:count])
        assert set(validation.y.tolist()) == set(classes[:count]) and len(train) == 40
    seen = [len({tuple(x.flatten().tolist()) for x in all_of(train)[0]}) for train, _ in splits]
    assert seen == sorted(seen) and seen[-1] == 40 and seen[0] < 20
    assert set(all_of(data.test.open())[1].tolist()) == set(classes)


@pytest.mark.parametrize("kind", ["permuted", "labels", "random_labels", "classes", "growing"])
@pytest.mark.parametrize("model", ["lenet5", "vit"])
def test_images_shift_under_any_model(model: str, kind: str) -> None:
    small = {"VIT_WIDTH": "8", "VIT_LAYERS": "1", "VIT_HEADS": "2", "VIT_INNER": "16"}
    values = {**PIXELS, "SHIFT": kind, "MODEL": model, "NUM_EPOCHS": "2", "TRAIN_SUBSET": "100"}
    result = train(**values | (small if model == "vit" else {}))
    assert [record["task"] for record in result.history] == [1, 2]
    assert result.measures["last_weight_norm"] > 0


@pytest.mark.parametrize("kind", ["permuted", "labels"])
def test_an_alphabet_shifts_under_a_transformer_of_text(kind: str) -> None:
    small = {"GPT_WIDTH": "8", "GPT_LAYERS": "1", "GPT_HEADS": "2"}
    result = train(**{**CHARACTERS, **small, "SHIFT": kind, "MODEL": "gpt", "NUM_EPOCHS": "2"})
    assert [record["task"] for record in result.history] == [1, 2]
    assert result.measures["mean_gradient_norm"] > 0


@pytest.mark.parametrize("kind", ["random_labels", "classes", "growing"])
def test_text_has_neither_labels_of_samples_nor_classes(kind: str) -> None:
    tree = assigned({"DATASET": "text", "SHIFT": kind})
    assert "CONFIG_DATA_IS_TEXT" in assign.why_invalid(tree, "SHIFT", kind)


def test_at_the_end_of_a_task_all_classes_seen_so_far_are_measured() -> None:
    changes = {**CLASSES, "SHIFT_SHARE": "1", "SHIFT_EPOCHS": "2", "NUM_EPOCHS": "6"}
    result, (_, data) = train(**changes), prepared(**changes)
    ends = [record for record in result.history if "seen_val_acc" in record]
    assert [record["epoch"] for record in ends] == [2, 4, 6]
    assert ends[0]["seen_val_acc"] == ends[0]["val_acc"]
    assert result.measures["seen_val_acc"] == ends[-1]["seen_val_acc"]
    assert isinstance(data.tasks, ClassTasks)
    plain, order = prepared(**{**PIXELS, "SHIFT": "none"}), permutation(10, 0, 0).tolist()
    labels = plain[0].run.validation.y.tolist()
    for task in range(7):
        seen, classes = data.tasks.validation_seen(task), order[: 2 * task + 2]
        assert seen.y.tolist() == [label for label in labels if label in classes]


# Measures


def records(losses: list[float], tasks: list[int], **more: list[float]) -> list[Record]:
    """Two steps an epoch; the accuracy is 100 minus ten times the loss."""
    history = [
        {"epoch": k + 1, "step": 2 * (k + 1), "task": task, "val_loss": loss}
        for k, (loss, task) in enumerate(zip(losses, tasks, strict=True))
    ]
    for k, record in enumerate(history):
        record["val_acc"] = 100 - 10 * float(record["val_loss"])
        record |= {name: values[k] for name, values in more.items()}
    return history


def course_of(changes: dict[str, str]) -> TaskSequence:
    return prepared(**changes)[1].tasks


def test_means_are_over_the_ends_of_tasks() -> None:
    history = records([9, 1, 9, 2, 9, 6], [1, 1, 2, 2, 3, 3])
    measures = course_of(PIXELS).measures(history)
    assert measures == {
        "mean_val_loss": 3.0,
        "mean_val_acc": 70.0,
        "first_tasks_acc": 90.0,
        "last_tasks_acc": 40.0,
    }
    assert [record["epoch"] for record in task_ends(history)] == [2, 4, 6]
    assert [record["epoch"] for record in last_task(history)] == [5, 6]


def test_the_first_and_last_tasks_are_a_tenth_of_them() -> None:
    history = records([1, 2, *[5] * 17, 3], [1 + k for k in range(20)])
    measures = course_of(PIXELS).measures(history)
    assert measures["first_tasks_acc"] == 85.0  # of 90 and 80
    assert measures["last_tasks_acc"] == 60.0  # of 50 and 70


@pytest.mark.parametrize(("losses", "steps"), [([3.5, 2.0, 1.5], 4), ([3.5, 2.5, 2.1], None)])
def test_what_the_return_shows(losses: list[float], steps: int | None) -> None:
    # A ends at 2.0, is at 5.0 after B, and ends at the last of `losses`
    a = [0, 2.0, 0, 5.0, 0, 0, losses[-1]]
    b = [0, 8.0, 0, 1.0, 0, 0, 4.5]
    tasks = [1, 1, 2, 2, 3, 3, 3]
    history = records([3.0, 2.0, 4.0, 1.0, *losses], tasks, val_loss_a=a, val_loss_b=b)
    measures = course_of(RETURN).measures(history)
    assert measures["forgetting"] == 3.0
    assert measures["gain"] == 2.0 - losses[-1]
    assert measures["relearning_steps"] == steps
    assert measures["shifted_val_loss"] == 1.0
    assert measures["shifted_forgetting"] == 3.5
    assert measures["mean_val_loss"] == pytest.approx((2.0 + 1.0 + losses[-1]) / 3)


def test_records_say_the_task_and_results_the_measures() -> None:
    result = train(**{**PIXELS, "NUM_EPOCHS": "4", "SHIFT_EPOCHS": "2"})
    assert [record["task"] for record in result.history] == [1, 1, 2, 2]
    assert result.measures["mean_val_acc"] == pytest.approx(
        (result.history[1]["val_acc"] + result.history[3]["val_acc"]) / 2
    )
    assert result.measures["best_epoch"] in (3, 4)  # of the last task


def test_both_texts_are_measured_at_the_end_of_each_phase() -> None:
    result = train(**RETURN)
    assert [record["task"] for record in result.history] == [1, 2, 3, 3]
    ends = [result.history[k] for k in (0, 1, 3)]
    for record, name in zip(ends, "aba", strict=True):
        assert record["val_loss"] == record[f"val_loss_{name}"]
    assert "val_loss_a" not in result.history[2]
    forgot = result.history[1]["val_loss_a"] - result.history[0]["val_loss_a"]
    assert result.measures["forgetting"] == forgot
    assert result.measures["steps"] == 4 * 5


def test_nothing_of_it_is_there_without_a_shift() -> None:
    result = train(**{**PIXELS, "SHIFT": "none"})
    assert all("task" not in record for record in result.history)
    assert not {"mean_val_loss", "first_tasks_acc", "forgetting"} & set(result.measures)


# Trials


def test_until_the_shift_a_trial_is_what_it_is_without_one() -> None:
    for changes in (PIXELS, CHARACTERS, RETURN):
        (shifted, _), (plain, _) = (
            numbers(train(**each)) for each in (changes, {**changes, "SHIFT": "none"})
        )
        assert plain[0].items() <= shifted[0].items()
        assert plain[1]["train_loss"] != shifted[1]["train_loss"]


@SHIFTS
def test_the_seed_decides_everything(changes: dict[str, str]) -> None:
    first = numbers(train(**changes))
    train(**{**changes, "SEED": "2"})
    assert numbers(train(**changes)) == first


@SHIFTS
def test_a_pack_gives_what_the_trials_give_alone(changes: dict[str, str]) -> None:
    some: list[Task] = [small_task(**{**changes, "SEED": seed}) for seed in ("1", "2", "3")]
    for place, together in worker_entry.train_pack(some):
        assert together.provenance.pack == PackShare(size=3)
        alone = worker_entry.train_trial(some[place])
        (ours, mine), (theirs, yours) = numbers(together), numbers(alone)
        for a, b in zip([*ours, mine], [*theirs, yours], strict=True):
            assert a == pytest.approx(b, rel=1e-4)


PLASTIC = {
    "l2_init": {},
    "shrink_perturb": {},
    "task_reset": {},
    "snr": {"SNR_FIRST": "3", "SNR_PERIOD": "4"},
    "apoptosis_redo": {"APOPTOSIS_REDO_PERIOD": "3", "APOPTOSIS_REDO_THRESHOLD": "0.5"},
    "apoptosis_cbp": {"APOPTOSIS_CBP_RATE": "0.05", "APOPTOSIS_MATURITY": "2"},
}


def goes_on(trainer: Trainer, epochs: int = 99) -> list[Record]:
    records: list[Record] = []
    for _, record in Loop([trainer]).epochs():
        assert isinstance(record, dict), record
        records.append({k: v for k, v in record.items() if not k.endswith("seconds")})
        if len(records) == epochs:
            break
    return records


@pytest.mark.parametrize("after", [1, 2, 3], ids=["inside", "between", "later"])
@pytest.mark.parametrize("method", PLASTIC)
def test_a_run_that_goes_on_meets_its_tasks_as_if_nothing_had_been(method: str, after: int) -> None:
    changes = {**LABELS, **PLASTIC[method], "PRUNING_METHOD": method}
    changes |= {"NUM_EPOCHS": "6", "SHIFT_EPOCHS": "2"}
    assert small_task(**changes).trial.config["PRUNING_METHOD"] == method
    first, _ = prepared(**changes)
    goes_on(first, after)
    kept = capture(first)
    rest = goes_on(first)
    second, _ = prepared(**changes)
    restore(second, kept)
    assert goes_on(second) == rest
    pairs = zip(first.run.model.parameters(), second.run.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("method", ["l2_init", "shrink_perturb"])
def test_such_methods_give_in_a_pack_what_they_give_alone(method: str) -> None:
    some = [small_task(**LABELS | {"PRUNING_METHOD": method, "SEED": seed}) for seed in ("1", "2")]
    for place, together in worker_entry.train_pack(some):
        assert together.provenance.pack == PackShare(size=2)
        alone = worker_entry.train_trial(some[place])
        for a, b in zip(numbers(together)[0], numbers(alone)[0], strict=True):
            assert a == pytest.approx(b, rel=1e-4)


def test_a_reset_network_begins_each_task_as_it_began() -> None:
    changes = {**PIXELS, "PRUNING_METHOD": "task_reset", "SHIFT_SHARE": "0.05"}
    result, plain = train(**changes), train(**{**changes, "PRUNING_METHOD": "none"})
    assert result.history[0]["val_loss"] == plain.history[0]["val_loss"]
    assert result.history[2]["train_loss"] > plain.history[2]["train_loss"]


def test_trials_that_shift_otherwise_are_not_one_pack() -> None:
    some = [
        small_task(**{**PIXELS, **each}) for each in ({}, {"SHIFT_SEED": "1"}, {"SHIFT": "none"})
    ]
    sizes = [result.provenance.pack_size for _, result in worker_entry.train_pack(some)]
    assert sizes == [1, 1, 1]


# Refusals


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({**PIXELS, "NUM_EPOCHS": "7", "SHIFT_EPOCHS": "3"}, "two or more times CONFIG_SHIFT_EPO"),
        ({**PIXELS, "NUM_EPOCHS": "3", "SHIFT_EPOCHS": "3"}, "two or more times CONFIG_SHIFT_EPO"),
        ({**RETURN, "NUM_EPOCHS": "2"}, "CONFIG_NUM_EPOCHS=2: must be more than twice"),
        ({**LABELS, "NUM_EPOCHS": "1"}, "two or more times CONFIG_SHIFT_EPO"),
        ({**CLASSES, "SHIFT_CLASSES_OF_TASK": "10"}, "must be below the 10 classes"),
        ({**GROWING, "SHIFT_CLASSES_OF_TASK": "10"}, "must be below the 10 classes"),
    ],
    ids=[
        "part of a task",
        "one task",
        "no return",
        "one task of labels",
        "all classes",
        "none to come",
    ],
)
def test_epochs_that_make_no_tasks_are_refused(changes: dict[str, str], says: str) -> None:
    result = worker_entry.train_trial(small_task(**changes))
    assert (result.status, result.reason) == (Status.FAILED, "shift")
    assert says in result.message and "\n" not in result.message


@pytest.mark.parametrize("wishes", [{}, {"DATASET": "text"}], ids=["images", "own vocabulary"])
def test_a_return_needs_one_vocabulary(wishes: dict[str, Any]) -> None:
    tree = assigned({**wishes, "SHIFT": "return"})
    assert assign.effective(tree, "SHIFT") == "none"
    assert "CONFIG_TEXT_VOCABULARY_SHARED" in assign.why_invalid(tree, "SHIFT", "return")


def test_permuted_pixels_are_not_mirrored() -> None:
    assert "AUGMENT_FLIP" in small_task(**{**PIXELS, "SHIFT": "none"}).trial.config
    assert "AUGMENT_FLIP" not in small_task(**PIXELS).trial.config


def test_a_text_to_shift_to_that_is_absent_is_one_line(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.txt")
    result = worker_entry.train_trial(
        small_task(**{**RETURN, "TEXT_SHIFT_CORPUS": "file", "TEXT_SHIFT_FILE": absent})
    )
    assert result.status is Status.ERROR and absent in result.message
