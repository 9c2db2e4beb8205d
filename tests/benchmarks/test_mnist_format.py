"""Files in MNIST's format: what the ordinary loader reads of them."""

from __future__ import annotations

from pathlib import Path

import mnist_format
import torch

from espalier.datasets.digits import Digits
from espalier.datasets.mnist import Mnist


def test_the_loader_reads_them(tmp_path: Path) -> None:
    mnist_format.write(tmp_path)
    raw = Mnist(verify=False).load(tmp_path, download=False)
    plain = Digits().load(tmp_path, download=False)
    assert raw.train_x.shape == (1442, 1, 28, 28) and raw.test_x.shape == (355, 1, 28, 28)
    assert raw.train_x.dtype == torch.uint8 and int(raw.train_x.max()) == 255
    assert torch.equal(raw.train_y, plain.train_y) and torch.equal(raw.test_y, plain.test_y)
    there = {file.name: file.read_bytes() for file in (tmp_path / "MNIST" / "raw").glob("*.gz")}
    assert len(there) == 4
    mnist_format.write(tmp_path / "again")
    again = {f.name: f.read_bytes() for f in (tmp_path / "again" / "MNIST" / "raw").glob("*.gz")}
    assert again == there


def test_images_are_placed_whole_and_near_the_middle() -> None:
    images = torch.full((50, 20, 20), 7, dtype=torch.uint8)
    placed = mnist_format.placed(images, torch.Generator().manual_seed(0))
    assert (placed.flatten(1).long().sum(1) == 7 * 400).all()
    rows = (placed > 0).any(2).float().argmax(1)
    assert set(rows.tolist()) == {2, 3, 4, 5, 6}


def test_a_file_begins_with_its_kind_and_sizes() -> None:
    file = mnist_format.idx(torch.tensor([[1, 2], [3, 255]]))
    assert file == bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 255])
