"""Batches in parts: the same training, and as many samples at once as fit."""

import functools

import packing
import pytest
import torch
import trial_tasks
from torch import nn

from espalier.core import component
from espalier.core.contracts import Model
from espalier.core.errors import UserError
from espalier.core.process import memory
from espalier.core.samples import SampleShape, TokenShape
from espalier.core.trial import Status
from espalier.train import micro_batching, worker_entry
from espalier.train.building.run_builder import build_trainer
from espalier.train.loop import Loop
from espalier.train.micro_batching import (
    MicroBatchPlan,
    StepMemory,
    check_separable,
    search_largest_size,
)
from espalier.train.packs import pack_compatibility

SETTINGS = {**trial_tasks.SETTINGS, "DEBUG_CHECKS": "y"}
SMALL = {"TRAIN_SUBSET": "101", "BATCH_SIZE": "20", "NUM_EPOCHS": "3", "MLP_WIDTH": "16"}
WHOLE, AUTO = 0, -1


def task(micro, **changes):
    values = {**SMALL, "MODEL": "mlp", "PRUNING_METHOD": "none", **changes}
    return trial_tasks.task(values, {**SETTINGS, "MICRO_BATCH": str(micro)})


def trained(micro, **changes):
    """The losses of all epochs and the weights in the end."""
    trainer, _ = worker_entry.prepare(task(micro, **changes))
    records = [record for _, record in Loop([trainer]).epochs()]
    losses = torch.tensor([[r["train_loss"], r["val_loss"]] for r in records])
    return losses, torch.cat([p.detach().flatten() for p in trainer.run.model.parameters()])


@pytest.mark.parametrize("micro", [1, 7, 19])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"OPTIMIZER": "sgd", "LEARNING_RATE": "0.1", "GRAD_CLIP_NORM": "0.5"},
        {"AUGMENT_CROP_PADDING": "1"},
        {"PRUNING_METHOD": "rigl", "SPARSE_EVERY": "5"},
        {"PRUNING_METHOD": "magnitude", "PRUNING_WARMUP": "3", "PRUNING_RAMP_END_EPOCH": "2"},
        {"MODEL": "lenet5", "OPTIMIZER": "sgd", "LEARNING_RATE": "0.01", "NUM_EPOCHS": "1"},
    ],
    ids=["adam", "sgd", "augmented", "rigl", "magnitude", "normalised"],
)
def test_a_run_in_parts_is_the_run_with_whole_batches(micro, changes):
    whole, in_parts = trained(WHOLE, **changes), trained(micro, **changes)
    assert torch.allclose(whole[0], in_parts[0], rtol=0, atol=1e-5)
    assert torch.allclose(whole[1], in_parts[1], rtol=0, atol=1e-5)


def test_text_in_parts_is_the_text():
    text = {"DATASET": "text", "MODEL": "charlm", "TEXT_LENGTH": "3000", "TEXT_CONTEXT": "8"}
    text |= {"TRAIN_SUBSET": "0"}
    small = {"CHARLM_WIDTH": "8", "CHARLM_LAYERS": "1", "CHARLM_HEADS": "2", "CHARLM_DROPOUT": "0"}
    whole, in_parts = (trained(micro, **text, **small) for micro in (WHOLE, 6))
    assert torch.allclose(whole[0], in_parts[0], rtol=0, atol=1e-5)


def test_no_more_samples_than_asked_for_are_computed_with_at_once():
    trainer, _ = worker_entry.prepare(task(7))
    seen = []

    def note(module, args):
        if module.training:  # counting operations passes a sample in evaluation mode
            seen.append(len(args[0]))

    trainer.run.model.register_forward_pre_hook(note)
    x = torch.randn(20, 1, 8, 8)
    Loop([trainer]).step(x, torch.zeros(20, dtype=torch.int64))
    assert seen == [7, 7, 6]
    assert "in parts" in pack_compatibility.why_alone(trainer)


def test_a_batch_that_is_small_enough_is_left_whole_and_may_be_packed():
    trainer, _ = worker_entry.prepare(task(21))  # 101 samples in batches of 20: the last has 21
    assert trainer.micro_batch == 0
    assert not pack_compatibility.why_alone(trainer)
    assert worker_entry.prepare(task(20))[0].micro_batch == 20


def test_what_was_taken_is_in_the_provenance():
    result = worker_entry.train_trial(task(7))
    assert result.status is Status.PASSED
    assert result.provenance.micro_batch == 7


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        ({"MODEL": "lenet5", "COMPILE": "y"}, "batch normalisation"),
        (
            {"DATASET": "text", "MODEL": "charlm", "TRAIN_SUBSET": "0", "CHARLM_DROPOUT": "0.1"},
            "dropout",
        ),
    ],
)
@pytest.mark.parametrize("micro", [4, 1, AUTO])
def test_what_would_train_otherwise_is_refused(changes, trouble, micro):
    result = worker_entry.train_trial(task(micro, **changes))
    assert (result.status, result.reason) == (Status.ERROR, "input")
    assert trouble in result.message
    assert "CONFIG_MICRO_BATCH" in result.message and "\n" not in result.message


def test_a_normalisation_of_its_own_is_found_in_parts_of_one_sample():
    values = packing.varied({"OPTIMIZER": "sgd", "MODEL": "mlp"}, 0)
    build = functools.partial(nn.Sequential, nn.Flatten(), nn.Linear(16, 3), Centred())
    run = packing.trainer(values, build, packing.split(4))
    with pytest.raises(UserError, match="parts do not train .* a smaller CONFIG_BATCH_SIZE"):
        check_separable(run, run.run.train.x[:2], AUTO)


class Counting(nn.Module):
    """Counts its calls in a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x


class Centred(nn.Module):
    """Subtracts the batch's mean: couples samples and has no buffers."""

    def forward(self, x):
        return x - x.mean(0)


@pytest.mark.parametrize("layer", [Centred(), nn.Dropout(0.5), Counting()])
def test_coupled_samples_and_random_numbers_are_found_in_any_model(layer):
    values = packing.varied({"OPTIMIZER": "sgd", "MODEL": "mlp"}, 0)
    build = functools.partial(nn.Sequential, nn.Flatten(), nn.Linear(16, 3), layer)
    run = packing.trainer(values, build, packing.split(4))
    with pytest.raises(UserError, match="parts of 2 samples"):
        check_separable(run, run.run.train.x[:4], 2)


@pytest.mark.parametrize("name", component.names("model"))
def test_every_model_can_be_asked(name):
    """No model is refused that has no dropout."""
    spec = component.find("model", name, Model)
    if spec.takes is TokenShape:
        pytest.skip("for text: has a test above")
    side = spec.input_size or 8
    if side > 64:
        pytest.skip("takes a second to build")
    model = spec().build(SampleShape(1, side, side, 4))
    values = packing.varied({"OPTIMIZER": "sgd", "MODEL": "mlp"}, 0)
    run = packing.trainer(values, lambda: model, packing.split(side))
    check_separable(run, run.run.train.x[:4], 2)


class Allocator:
    """A device with `room` bytes on which a step takes `fixed + max(floor, each * n)`."""

    def __init__(self, room, fixed, floor, each):
        self.room, self.fixed, self.floor, self.each, self.tried = room, fixed, floor, each, []

    def step(self, size):
        self.tried.append(size)
        if sum(self.needs(size)) > self.room:
            raise MemoryError
        return self.needs(size)

    def needs(self, size):
        return StepMemory(self.fixed, max(self.floor, self.each * size))

    def fits(self, size):
        return sum(self.needs(size)) <= self.room


@pytest.mark.parametrize(
    ("room", "fixed", "floor", "each", "expected"),
    [
        (1000, 100, 0, 30, 30),  # (1000 - 100) / 30
        (1000, 0, 0, 31, 32),
        (1000, 100, 500, 30, 30),  # few samples seem to cost nothing
        (1000, 900, 90, 30, 3),  # the weights nearly fill it
        (1000, 700, 0, 200, 1),
        (1000, 950, 0, 51, 0),  # not even one
        (10**9, 100, 0, 30, 64),  # everything fits
        (1000, 0, 0, 0, 64),
    ],
)
def test_as_many_samples_as_fit(room, fixed, floor, each, expected):
    device = Allocator(room, fixed, floor, each)
    size = search_largest_size(device.step, room, batch=64)
    assert size == expected
    if size:
        assert device.fits(size)
        assert size in device.tried
        assert size == 64 or not device.fits(2 * size)


def test_nothing_is_tried_that_could_be_too_much():
    """On a CPU the kernel would end the process."""
    device = Allocator(1000, 100, 250, 17)
    search_largest_size(device.step, 1000, batch=64)
    assert all(map(device.fits, device.tried))


def test_running_out_takes_half_the_way_back():
    """What a line through two sizes promises need not hold."""

    def step(size):
        if size > 8:
            raise torch.OutOfMemoryError
        return StepMemory(0, size)

    assert search_largest_size(step, 10**6, batch=64) == 8


@pytest.fixture
def scarce(monkeypatch):
    """Room for a step with parts of about a hundred samples."""
    config = {"TRAIN_SUBSET": "1000", "BATCH_SIZE": "512"}
    spare = build_trainer(task(AUTO, **config))[0]
    step = micro_batching.make_step(spare, spare.run.train.x[:512], spare.run.train.y[:512])
    step(1)
    room = int(sum(step(100)) * micro_batching.UNCOUNTED / micro_batching.FREE_SHARE)
    monkeypatch.setattr(memory, "available", lambda: room)
    monkeypatch.setenv(memory.SHARERS, "1")
    return config


def test_auto_takes_what_fits_and_leaves_no_trace(scarce):
    chosen, _ = worker_entry.prepare(task(AUTO, **scarce))
    assert 80 <= chosen.micro_batch <= 120
    fixed = trained(chosen.micro_batch, **scarce)
    by_itself = trained(AUTO, **scarce)
    assert all(map(torch.equal, fixed, by_itself))


def test_auto_measures_a_model_with_batch_normalisation(scarce, monkeypatch):
    """It is ten times as large, so fewer samples of it fit."""
    monkeypatch.setattr(memory, "available", lambda: 12_000_000)
    chosen, _ = worker_entry.prepare(task(AUTO, **scarce, MODEL="lenet5"))
    assert 0 < chosen.micro_batch < 512
    assert chosen.run.model[1].num_batches_tracked == 0


def test_auto_takes_whole_batches_where_they_fit():
    assert all(map(torch.equal, trained(WHOLE), trained(AUTO)))
    assert worker_entry.prepare(task(AUTO))[0].micro_batch == 0


def test_too_little_memory_for_one_sample_is_one_line(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1000)
    result = worker_entry.train_trial(task(AUTO))
    assert (result.status, result.reason) == (Status.ERROR, "input")
    assert "\n" not in result.message


def test_memory_of_a_step_is_counted():
    """A product of n x 64 by 64 x 256 float32 makes n x 256 numbers of 4 bytes; one is kept."""
    meter, kept = micro_batching._OnCpu(), []
    a, b = torch.ones(100, 64), torch.ones(64, 256)
    taken = meter.measure(lambda: kept.append((a @ b).neg()))
    assert taken == StepMemory(100 * 256 * 4, 100 * 256 * 4)


def test_parts_are_read_from_their_symbol():
    assert component.build(
        MicroBatchPlan, packing.Config({"MICRO_BATCH": "8"}), ""
    ) == MicroBatchPlan(8)
