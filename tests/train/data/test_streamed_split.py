"""Sets that do not fit: the same numbers from other processes, which never outlive their walk."""

import multiprocessing
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import streamed_sets
import torch
from streamed_sets import CPU, MB, PIXELS, SAMPLES, kept, raw

from espalier.core.contracts import Run
from espalier.core.process import memory
from espalier.train.data.augment import Augmentation
from espalier.train.data.device_residency import ResidencyPlan, memory_share
from espalier.train.data.splits import batches
from espalier.train.data.transforms import Preparation


def run_over(split, seed=1, augmentation=None):
    names = ("batches", "augment")
    return Run(
        model=torch.nn.Identity(),
        optimizer=None,
        method=None,
        train=split,
        validation=split,
        epochs=1,
        batch_size=100,
        generators={name: torch.Generator().manual_seed(seed) for name in names},
        augmentation=augmentation,
    )


def same(ours, theirs):
    pairs = zip(ours, theirs, strict=True)
    return all(torch.equal(x, u) and torch.equal(y, v) for (x, y), (u, v) in pairs)


def test_a_set_is_streamed_when_it_takes_more_than_the_limit():
    assert not kept(limit=4).streamed and kept(limit=3).streamed
    assert kept(limit=4).x.shape == (SAMPLES, 3, PIXELS, PIXELS)
    assert kept(limit=3).x.dtype == torch.uint8


def test_all_splits_of_a_set_are_kept_alike():
    splits = [raw(SAMPLES), raw(10)]
    prepare = Preparation.of(splits[0].x, True, PIXELS)
    assert [split.streamed for split in ResidencyPlan(3, 0).place(splits, prepare, CPU)] == [
        True,
        True,
    ]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_batches_are_the_same_numbers_in_the_same_order(workers, kind):
    held, streamed = (run_over(kept(limit, workers, kind)) for limit in (100, 1))
    for _ in range(2):  # epochs
        assert same(batches([streamed]), batches([held]))


def test_a_group_of_augmented_runs_can_share_a_streamed_set():
    def group(split):
        shifts = (Augmentation(crop_padding=1), None, Augmentation(flip=True))
        return [run_over(split, seed, shift) for seed, shift in enumerate(shifts)]

    assert same(batches(group(kept(1, workers=2))), batches(group(kept(100))))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("size", [2048, 100, 7])
def test_pieces_are_the_same_too(workers, size):
    assert same(kept(1, workers).pieces(size), kept(100).pieces(size))


@pytest.mark.parametrize("workers", [0, 2])
def test_streaming_draws_nothing_from_the_global_generator(workers):
    before = torch.get_rng_state()
    for _ in kept(1, workers).pieces(100):
        pass
    assert torch.equal(torch.get_rng_state(), before)


def test_batches_belong_to_the_caller():
    split = kept(1)
    (before, _), *_ = split.pieces(100)
    for x, _ in split.pieces(100):
        x.zero_()
    assert same(islice(split.pieces(100), 1), [(before, torch.arange(100))])


@pytest.mark.parametrize("taken", [1, 3, SAMPLES])
def test_no_process_outlives_its_walk(taken):
    pieces = kept(1, workers=2).pieces(100)
    for _ in islice(pieces, taken):
        pass
    del pieces
    assert not multiprocessing.active_children()


def test_a_worker_that_dies_is_an_error_and_no_hang():
    # In a process of its own: torch raises the error wherever the main thread happens to be. The
    # worker dies before it has put anything on a queue, whose lock would die with it.
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "import streamed_sets\n"
        "from espalier.train.data import streamed_split\n"
        "streamed_split._Gathered.__getitem__ = lambda self, indices: os._exit(3)\n"
        "list(streamed_sets.kept(1, workers=1).pieces(1))\n"
        "print('every sample arrived')\n"
    )
    command = [sys.executable, "-c", code, str(Path(streamed_sets.__file__).parent)]
    ended = subprocess.run(command, text=True, capture_output=True, timeout=120)
    assert ended.returncode != 0
    assert "every sample arrived" not in ended.stdout
    assert re.search("worker.*(killed|exited)", ended.stderr)


def test_a_connection_that_is_lost_says_so(monkeypatch):
    def lost(*_args, **_kwargs):
        raise ConnectionResetError

    monkeypatch.setattr("espalier.train.data.streamed_split.DataLoader.__iter__", lost)
    with pytest.raises(RuntimeError, match="worker process that prepares batches was killed"):
        list(kept(1).pieces(1))


def test_the_share_of_a_worker_is_half_of_what_is_free_by_their_number(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1200)
    monkeypatch.delenv(memory.SHARERS, raising=False)
    assert memory_share(CPU) == 600
    monkeypatch.setenv(memory.SHARERS, "3")
    assert memory_share(CPU) == 200


def test_without_a_limit_what_is_free_decides(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: int(1.9 * MB * 10**6))
    assert kept(limit=0).streamed
    monkeypatch.setattr(memory, "available", lambda: int(2.1 * MB * 10**6))
    assert not kept(limit=0).streamed
