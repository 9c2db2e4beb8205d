"""Every formula, by hand on numbers whose roots are simple."""

import math

import pytest
import torch
from torch import Tensor

from espalier.optimizers.published.lion_optimizer import LionOptimizer
from espalier.sparse.importance import FORMULAS, Importance, powered, state_scores
from espalier.sparse.scores import PIECE, Scores

W, M, V = -0.5, 0.04, 0.0016  # sqrt(v) = 0.04, so m / sqrt(v) = 1; v^(1/4) = 0.2

EXPECTED = {
    "bitter0": 0.02 * 0.5 / 0.04,  # |w m| |w| / sqrt(v)
    "bitter1": 0.5,
    "bitter2": 0.5,
    "bitter3": 0.5 * 0.2,  # |w| sqrt|m|
    "bitter4": 0.5 * 0.2,
    "bitter5": -1 + 0.05,  # sign(w) m / sqrt(v) + 0.1 |w|
    "bitter6": 0.5 * 0.2 * 1,  # |w| sqrt|m| |m| / sqrt(v)
    "bitter7": 0.5 * 0.2,  # |w| v^(1/4)
    "bitter8": 0.5 * (0.0016 + 1e-5) ** 0.25,
    "bitter9": 0.5 * (0.0016 + 1.0013580322265625e-05) ** 0.25,
}


def scores(name: Importance, w: Tensor, m: Tensor, v: Tensor) -> Tensor:
    return FORMULAS[name](w, m, v, torch.full_like(w, math.nan))


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_formula(name: Importance) -> None:
    tolerance = 2e-3 if name == "bitter8" else 1e-4  # half precision has 11 bits
    got = float(scores(name, *(torch.tensor([x]) for x in (W, M, V))))
    assert got == pytest.approx(EXPECTED[name], rel=tolerance)


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_a_pruned_weight_scores_nothing_and_inputs_are_left_alone(name: Importance) -> None:
    w, m, v = torch.tensor([0.0, 1.0]), torch.tensor([0.0, 0.5]), torch.tensor([0.0, 0.5])
    score = scores(name, w, m, v)
    assert score[0] == 0
    assert score.isfinite().all()
    assert w.tolist() == [0, 1] and m.tolist() == [0, 0.5] and v.tolist() == [0, 0.5]


def test_bitter8_is_in_half_precision_and_bitter9_in_single_as_a_compiler_fuses_it() -> None:
    generator = torch.Generator().manual_seed(0)
    w, v = torch.rand(2000, generator=generator), torch.rand(2000, generator=generator) * 1e-4
    half, single = (scores(name, w, w, v) for name in ("bitter8", "bitter9"))
    assert torch.equal(half, half.half().float())
    exact = w.double() * (v.double() + 1.0013580322265625e-05) ** 0.25  # 1e-5 as float16 has it
    assert ((single - exact).abs() <= 4e-7 * exact).all()
    assert len(single.unique()) > 1900 > len(half.unique())
    assert ((half - exact).abs() < 1e-3).all()


@pytest.mark.parametrize("power", [-0.5, 0.0, 0.25, 0.5, 1.0])
def test_the_family_is_a_power_of_the_second_moment(power: float) -> None:
    w, v = torch.tensor([W, 3.0, 0.0]), torch.tensor([V, 0.0, 1.0])
    out = powered(power, w, w, v, torch.empty(3))
    assert out.tolist() == pytest.approx(
        [0.5 * (V + 1e-8) ** power, 3 * (1e-8) ** power, 0.0], rel=1e-5
    )
    assert v.tolist() == pytest.approx([V, 0.0, 1.0])


def test_a_quarter_is_bitter7() -> None:
    generator = torch.Generator().manual_seed(0)
    w, v = torch.rand(100, generator=generator), torch.rand(100, generator=generator) * 1e-3
    family = powered(0.25, w, w, v, torch.empty(100))
    assert torch.allclose(family, scores("bitter7", w, w, v), rtol=1e-6, atol=0)


def stepped(optimizer: torch.optim.Optimizer, weight: Tensor) -> torch.optim.Optimizer:
    weight.grad = torch.tensor([0.1, -0.4])
    optimizer.step()
    return optimizer


def test_without_a_second_moment_it_takes_the_square_of_the_first() -> None:
    weight = torch.nn.Parameter(torch.tensor([0.5, -2.0]))
    lion = stepped(LionOptimizer([weight], 0.1, betas=(0.9, 0.99)), weight)
    out = torch.empty(2)
    state_scores("power", [weight], lion, 0.5).fill(out)
    m = [0.001, 0.004]  # a hundredth of the gradient
    now = [0.4, 1.9]  # each weight moved by the rate
    by_hand = [w * (x * x + 1e-8) ** 0.5 for w, x in zip(now, m, strict=True)]
    assert out.tolist() == pytest.approx(by_hand, rel=1e-4)


def test_a_formula_that_reads_what_is_not_kept_is_an_error() -> None:
    weight = torch.nn.Parameter(torch.tensor([0.5, -2.0]))
    lion = stepped(LionOptimizer([weight], 0.1, betas=(0.9, 0.99)), weight)
    with pytest.raises(ValueError, match="importance='bitter7': the optimizer keeps no second mom"):
        state_scores("bitter7", [weight], lion)
    with pytest.raises(ValueError, match="importance='power': needs an exponent"):
        state_scores("power", [weight], lion)


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_a_layer_that_never_had_a_gradient_scores_its_magnitude(name: Importance) -> None:
    used, unused = (torch.nn.Parameter(torch.tensor([0.5, -2.0])) for _ in range(2))
    optimizer = torch.optim.Adam([used, unused])
    used.sum().backward()
    optimizer.step()
    out = torch.empty(4)
    state_scores(name, [used, unused], optimizer).fill(out)
    assert out[2:].tolist() == [0.5, 2.0]
    assert len(optimizer.state) == 1


def test_scores_of_all_weights_are_in_a_row_whatever_the_pieces() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(PIECE + 3, generator=generator), torch.randn(2, 3, generator=generator)]
    out = torch.empty(PIECE + 9)
    Scores(lambda w, x, out: torch.mul(w, x, out=out), [(w, w + 1) for w in weights]).fill(out)
    expected = torch.cat([(w * (w + 1)).flatten() for w in weights])
    assert torch.equal(out, expected)
    assert math.isfinite(float(out.sum()))
