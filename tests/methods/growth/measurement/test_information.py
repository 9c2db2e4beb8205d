import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.methods.growth.measurement.information import LabelProbe, entropy, whitened

SAMPLES = 2000


def random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def measured(z: Tensor, y: Tensor) -> float:
    return LabelProbe()(z, y, random(0))


def two_classes(units: int = 2, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Unit normals around -1 and 1 in the first unit; the others are noise."""
    y = torch.randint(2, (SAMPLES,), generator=random(seed))
    z = torch.randn(SAMPLES, units, generator=random(seed + 1000))
    z[:, 0] += 2.0 * y - 1
    return z, y


def truth_of_two_classes() -> float:
    """H(Y) - H(Y|Z), integrated: given z, the log odds are 2 z."""
    z = np.linspace(-12, 12, 100001)
    density = np.exp(-((z - 1) ** 2) / 2) / math.sqrt(2 * math.pi)  # of the class at 1
    return math.log(2) - float((density * np.logaddexp(0, -2 * z)).sum() * (z[1] - z[0]))


def test_what_two_classes_tell_is_found() -> None:
    values = [measured(*two_classes(seed=seed)) for seed in range(3)]
    assert sum(values) / 3 == pytest.approx(truth_of_two_classes(), abs=0.02)


@pytest.mark.parametrize("units", [1, 2])
def test_noise_tells_nothing(units: int) -> None:
    y = torch.randint(5, (SAMPLES,), generator=random(5))
    z = torch.randn(SAMPLES, units, generator=random(6))
    assert 0 <= measured(z, y) < 0.02


def test_the_order_of_the_units_changes_no_bit() -> None:
    z, y = two_classes(units=40)
    for seed in range(3):
        order = torch.randperm(40, generator=random(seed))
        assert measured(z[:, order], y) == measured(z, y)


def test_an_invertible_affine_map_changes_less_than_a_hundredth() -> None:
    z, y = two_classes(units=8)
    z = z.double()
    mixed = z @ torch.randn(8, 8, generator=random(7), dtype=torch.float64) * 30 + 100
    assert measured(mixed, y) == pytest.approx(measured(z, y), rel=0.01)


def test_more_signal_is_more_information_and_never_more_than_the_labels_hold() -> None:
    y = torch.randint(4, (SAMPLES,), generator=random(8))
    noise = torch.randn(SAMPLES, 4, generator=random(9))
    values = [measured(scale * F.one_hot(y) + noise, y) for scale in (0.0, 1.0, 2.0, 4.0, 50)]
    assert values == sorted(values)
    assert 0.9 * entropy(y) <= values[-1] <= entropy(y)


def test_units_that_never_change_tell_nothing_and_add_nothing() -> None:
    z, y = two_classes()
    assert measured(torch.ones(SAMPLES, 3), y) == 0
    more = torch.cat([z, torch.zeros(SAMPLES, 5)], 1)
    assert measured(more, y) == pytest.approx(measured(z, y), rel=1e-6)


def test_a_class_of_one_sample_is_no_trouble() -> None:
    z, y = two_classes()
    y[17] = 2
    assert math.isfinite(measured(z, y))


def test_entropy_by_hand() -> None:
    assert entropy(torch.tensor([0, 0, 7, 7])) == pytest.approx(math.log(2))
    assert entropy(torch.tensor([3, 3])) == 0


def test_the_probe_has_converged() -> None:
    z, y = two_classes(units=8)
    x, target = whitened(z), F.one_hot(y).double()
    weight = LabelProbe(ridge=0.1)._fit(x, target).requires_grad_()
    loss = F.cross_entropy(x @ weight, y) + 0.05 * weight[:-1].square().sum()
    assert torch.autograd.grad(loss, weight)[0].abs().max() < 1e-6


def test_whitened_components_are_uncorrelated_and_the_largest_come_first() -> None:
    x = torch.randn(300, 5, generator=random(1), dtype=torch.float64) * torch.tensor(
        [1, 9, 3, 1, 1]
    )
    white = whitened(x)
    assert torch.allclose(white.T @ white / 300, torch.eye(5, dtype=torch.float64), atol=1e-12)
    assert np.corrcoef(white[:, 0], x[:, 1])[0, 1] ** 2 > 0.95


def test_bad_input_is_told() -> None:
    with pytest.raises(ValueError, match="values are finite"):
        measured(torch.full((10, 2), math.nan), torch.arange(10))
    with pytest.raises(ValueError, match="in 4 folds needs 8 samples"):
        measured(torch.zeros(7, 2), torch.zeros(7, dtype=torch.int64))
