"""Every formula, by hand on numbers whose roots are simple."""

import math

import pytest
import torch
from torch import Tensor

from espalier.sparse.importance import FORMULAS, Importance, state_scores
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
