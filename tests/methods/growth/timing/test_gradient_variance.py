import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from espalier.methods.growth.timing.gradient_variance import Floats as Numbers
from espalier.methods.growth.timing.gradient_variance import (
    VarianceTrigger,
    gradient_norm,
    noise_z_score,
)


def fired(norms: Numbers, trigger: VarianceTrigger) -> list[int]:
    """The steps, from 0, at which the trigger fired."""
    return [step for step, norm in enumerate(norms) if trigger.after_step(float(norm))]


def remembering(rng: np.random.Generator, steps: int) -> Numbers:
    """Noise that lasts: each step keeps 0.7 of the one before."""
    noise = rng.standard_normal(steps)
    for step in range(1, steps):
        noise[step] += 0.7 * noise[step - 1]
    return noise


NOISE: dict[str, Callable[[np.random.Generator, int], Numbers]] = {
    "normal": lambda rng, steps: rng.standard_normal(steps),
    "heavy": lambda rng, steps: rng.standard_t(3, steps),
    "skewed": lambda rng, steps: rng.exponential(size=steps),
    "remembering": remembering,
}


@pytest.mark.parametrize("kind", NOISE)
def test_stationary_noise_of_any_shape_fires_in_a_hundredth_of_the_windows_at_most(
    kind: str,
) -> None:
    rng, windows = np.random.default_rng(5), 1000
    trigger = VarianceTrigger()
    norms = np.exp(0.3 * NOISE[kind](rng, windows * trigger.window))
    assert len(fired(norms, trigger)) <= 0.01 * windows


def test_a_fourfold_variance_is_found_within_two_windows_wherever_it_begins() -> None:
    rng, runs = np.random.default_rng(6), 200
    detected = 0
    for _ in range(runs):
        trigger = VarianceTrigger()
        begin = 6 * trigger.window + int(rng.integers(trigger.window))
        noise = 0.1 * rng.standard_normal(begin + 2 * trigger.window)
        noise[begin:] *= 2
        detected += any(step >= begin for step in fired(1 + noise, trigger))
    assert detected >= 0.95 * runs


@pytest.mark.parametrize("shape", ["exponential", "inverse", "cosine"])
@pytest.mark.parametrize("noise", [0.1, 0.01])
def test_a_smooth_tenfold_decay_adds_no_alarms(shape: str, noise: float) -> None:
    time = np.linspace(0, 1, 15 * 64)
    decay = {
        "exponential": 10.0**-time,
        "inverse": 1 / (1 + 9 * time),
        "cosine": 0.1 + 0.9 * (1 + np.cos(math.pi * time)) / 2,
    }[shape]
    rng, tests = np.random.default_rng(4), 40 * (15 - VarianceTrigger().reference)
    level = [np.exp(noise * rng.standard_normal(len(time))) for _ in range(40)]
    without = sum(len(fired(norms, VarianceTrigger())) for norms in level)
    alarms = sum(len(fired(decay * norms, VarianceTrigger())) for norms in level)
    assert alarms <= without + 1
    assert alarms <= 0.01 * tests


def test_less_noise_than_before_is_no_alarm() -> None:
    noise = np.random.default_rng(8).standard_normal(20 * 64)
    noise[10 * 64 :] /= 4
    assert fired(np.exp(0.2 * noise), VarianceTrigger()) == []


def test_the_scale_of_the_loss_does_not_count() -> None:
    windows = np.random.default_rng(9).standard_normal((5, 64))
    assert noise_z_score(windows) == pytest.approx(
        noise_z_score(windows + math.log(1000)), abs=1e-9
    )


def test_evidence_by_hand() -> None:
    # neighbours go up and down, so there is no memory; the first number serves only to tell that.
    # Differences 1 2 1 and 10 20 10; the places of 1 1 2 10 10 20, those equal in the middle
    windows = np.array([[0.0, 0, 1, -1, 0], [0.0, 0, 10, -10, 0]])
    places = np.array([[1.0, 2.5, 1.0], [4.0, 5.5, 4.0]])
    centred = places - places.mean()
    error = math.sqrt((centred**2).mean() * 3 / (3 * 6))  # neighbours differ: no inflation
    assert noise_z_score(windows) == pytest.approx(centred[1].mean() / error)


def test_numbers_that_never_differ_are_no_evidence() -> None:
    assert noise_z_score(np.zeros((5, 64))) == 0
    assert fired(np.zeros(640), VarianceTrigger()) == []


def test_it_says_nothing_before_it_has_seen_enough_and_after_a_restart() -> None:
    rng = np.random.default_rng(10)
    calm = np.exp(0.1 * rng.standard_normal(4 * 64))
    wild = np.exp(0.8 * rng.standard_normal(64))
    assert fired(np.concatenate([calm, wild]), VarianceTrigger()) == [5 * 64 - 1]
    assert fired(np.concatenate([calm[64:], wild]), VarianceTrigger()) == []
    trigger = VarianceTrigger()
    assert fired(calm, trigger) == []
    trigger.restart()
    assert fired(wild, trigger) == []
    assert trigger.last is None


def test_it_goes_on_from_its_state_as_if_nothing_had_been() -> None:
    rng = np.random.default_rng(11)
    norms = np.exp(0.2 * rng.standard_normal(9 * 64) * np.repeat([1, 1, 1, 1, 3, 1, 4, 1, 9], 64))
    whole, first, second = VarianceTrigger(), VarianceTrigger(), VarianceTrigger()
    expected = fired(norms, whole)
    begun = fired(norms[:300], first)
    second.load_state_dict(first.state_dict())
    assert begun + [300 + step for step in fired(norms[300:], second)] == expected
    assert second.state_dict() == whole.state_dict()
    assert expected


def test_bad_input_is_told() -> None:
    with pytest.raises(ValueError, match="50 steps or more"):
        VarianceTrigger(window=10)
    with pytest.raises(ValueError, match="share between 0 and 1"):
        VarianceTrigger(alarms=1.0)
    with pytest.raises(ValueError, match="norm is nan"):
        VarianceTrigger().after_step(math.nan)


def test_a_gradients_norm_is_of_what_has_one() -> None:
    first, second, third = (torch.nn.Parameter(torch.zeros(2)) for _ in range(3))
    first.grad, second.grad = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0])
    assert gradient_norm([first, second, third]) == pytest.approx(5.0)
