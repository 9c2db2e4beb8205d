"""Evaluation under noise: pixel by pixel, once, with the noise of the seed."""

from __future__ import annotations

import pytest
import torch
from kconfig_values import effective
from trial_tasks import SETTINGS, numbers, small_task

from espalier.core.samples import Split
from espalier.core.trial import Status
from espalier.train import worker_entry
from espalier.train.data.splits import add_fixed_noise
from espalier.train.data.transforms import Preparation
from espalier.train.input_noise import add_noise


def perturb(x: torch.Tensor, noise: torch.Tensor, mean: float, std: float) -> list[float]:
    """The published noise, pixel by pixel, between undoing and redoing the normalisation."""
    pixels = [value * std + mean for value in x.flatten().tolist()]
    noisy = [p + n for p, n in zip(pixels, noise.flatten().tolist(), strict=True)]
    return [(min(max(value, 0.0), 1.0) - mean) / std for value in noisy]


def test_noise_is_added_to_pixels_and_cut_off() -> None:
    torch.manual_seed(1)
    mean, std = torch.tensor(0.3).view(1, 1, 1, 1), torch.tensor(0.25).view(1, 1, 1, 1)
    x, noise = (torch.rand(2, 1, 3, 3) - 0.3) / 0.25, 0.5 * torch.randn(2, 1, 3, 3)
    got = add_noise(x, noise, Preparation(mean, std, None))
    torch.testing.assert_close(got.flatten(), torch.tensor(perturb(x, noise, 0.3, 0.25)))
    plain = add_noise(torch.tensor([0.2, 0.9]), torch.tensor([-0.3, 0.05]), PLAIN)
    torch.testing.assert_close(plain, torch.tensor([0.0, 0.95]))


PLAIN = Preparation(None, None, None)


def test_a_trial_is_measured_under_noise_and_otherwise_the_same() -> None:
    usual, noisy, again = (
        worker_entry.train_trial(small_task(settings={**SETTINGS, **noise}))
        for noise in ({}, {"TEST_NOISE": "0.5"}, {"TEST_NOISE": "0.5"})
    )
    assert noisy.status is Status.PASSED and numbers(noisy) == numbers(again)
    extra = {"noisy_test_acc", "noisy_test_loss"}
    assert noisy.measures.keys() - usual.measures.keys() == extra
    history, measures = numbers(noisy)
    assert (history, {k: v for k, v in measures.items() if k not in extra}) == numbers(usual)
    assert float(noisy.measures["noisy_test_loss"]) > float(noisy.measures["test_loss"])


def test_almost_no_noise_changes_next_to_nothing() -> None:
    result = worker_entry.train_trial(small_task(settings={"TEST_NOISE": "1e-9"}))
    measures = result.measures
    assert measures["noisy_test_loss"] == pytest.approx(measures["test_loss"], rel=1e-5)


def test_training_noise_is_one_perturbation_of_each_image_and_the_test_has_none() -> None:
    pixels = torch.arange(0, 240, 20, dtype=torch.uint8).view(3, 1, 2, 2)
    splits = tuple(Split(part, torch.tensor([k])) for k, part in enumerate(pixels.split(1)))
    assert len(splits) == 3
    train, validation, test = add_fixed_noise(splits, 0.5, seed=3)
    numbers = torch.Generator().manual_seed(3)
    for clean, noisy in zip(splits, (train, validation), strict=False):
        noise = torch.randn(1, 1, 2, 2, generator=numbers).flatten().tolist()
        values = clean.x.flatten().tolist()
        expected = [min(max(v / 255 + 0.5 * n, 0), 1) for v, n in zip(values, noise, strict=True)]
        assert noisy.x.flatten().tolist() == pytest.approx(expected, abs=1e-6)
        assert torch.equal(noisy.y, clean.y)
    assert test is splits[2] and add_fixed_noise(splits, 0.0, seed=3) is splits


def test_a_trial_trains_on_noisy_images_with_the_normalisation_of_those_without() -> None:
    clean, noisy, again = (
        worker_entry.prepare(small_task(**values))
        for values in ({}, {"INPUT_NOISE": "0.5"}, {"INPUT_NOISE": "0.5", "SEED": "9"})
    )
    assert torch.equal(clean[1].test.open().x, noisy[1].test.open().x)
    for name in ("train", "validation"):
        ours, theirs, other = (getattr(pair[1], name).x for pair in (clean, noisy, again))
        assert not torch.equal(ours, theirs) and torch.equal(theirs, other)
        assert 0.2 < float((ours - theirs).std()) < 2
    assert clean[1].fingerprint != noisy[1].fingerprint


def test_without_noise_a_configuration_does_not_name_it() -> None:
    assert "INPUT_NOISE" not in effective({})
    assert effective({"INPUT_NOISE": "0.25"})["INPUT_NOISE"] == "0.25"
