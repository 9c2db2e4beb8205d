"""The data set that ships with scikit-learn: counts, scale and the fixed test split."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits

from espalier.datasets.digits import Digits


@pytest.fixture(scope="module")
def raw():
    return Digits().load(Path("nowhere"), download=False)


def test_the_table_is_read_without_importing_scikit_learn():
    code = (
        "import sys; from pathlib import Path; from espalier.datasets.digits import Digits;"
        "Digits().load(Path(), False); assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_counts(raw):
    assert (len(raw.train_y), len(raw.test_y), raw.classes) == (1442, 355, 10)
    assert raw.train_x.shape[1:] == raw.test_x.shape[1:] == (1, 8, 8)


def test_pixels_are_scaled_to_the_unit_interval(raw):
    assert (float(raw.train_x.min()), float(raw.train_x.max())) == (0.0, 1.0)
    assert torch.equal(raw.train_x * 16, (raw.train_x * 16).round())


def test_every_fifth_sample_of_a_class_is_a_test_sample(raw):
    bunch = load_digits()
    for label in range(10):
        expected = bunch.images[bunch.target == label][4::5] / 16
        torch.testing.assert_close(
            raw.test_x[raw.test_y == label][:, 0], torch.from_numpy(expected).float()
        )


def test_no_sample_is_lost_or_in_both_parts(raw):
    def sums(x):
        return sorted(x.flatten(1).double().mul(torch.arange(64) + 1.0).sum(1).tolist())

    everything = torch.from_numpy(load_digits().images).unsqueeze(1) / 16
    assert sums(torch.cat([raw.train_x, raw.test_x])) == pytest.approx(sums(everything))
