"""Every formula, by hand on numbers whose roots are simple."""

import math

import pytest
import torch
from torch import Tensor

from espalier.sparse.importance import FORMULAS, Importance
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
    "bitter9": 0.5 * (0.0016 + 1e-5) ** 0.25,
}


def scores(name: Importance, w: Tensor, m: Tensor, v: Tensor) -> Tensor:
    return FORMULAS[name](w, m, v, torch.full_like(w, math.nan))


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_formula(name: Importance) -> None:
    tolerance = 2e-3 if name in ("bitter8", "bitter9") else 1e-4  # half precision has 11 bits
    got = float(scores(name, *(torch.tensor([x]) for x in (W, M, V))))
    assert got == pytest.approx(EXPECTED[name], rel=tolerance)


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_a_pruned_weight_scores_nothing_and_inputs_are_left_alone(name: Importance) -> None:
    w, m, v = torch.tensor([0.0, 1.0]), torch.tensor([0.0, 0.5]), torch.tensor([0.0, 0.5])
    score = scores(name, w, m, v)
    assert score[0] == 0
    assert score.isfinite().all()
    assert w.tolist() == [0, 1] and m.tolist() == [0, 0.5] and v.tolist() == [0, 0.5]


def test_half_precision_rounds_each_operation_in_bitter8_and_once_in_bitter9() -> None:
    w = torch.rand(2000, generator=torch.Generator().manual_seed(0))
    exact = w.double() * (0.003 + 1e-5) ** 0.25
    errors = {}
    for name in ("bitter8", "bitter9"):
        score = scores(name, w, w, torch.full_like(w, 0.003))
        assert torch.equal(score, score.half().float())
        errors[name] = float((score - exact).abs().max())
    assert errors["bitter9"] < errors["bitter8"] < 1e-3


def test_scores_of_all_weights_are_in_a_row_whatever_the_pieces() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(PIECE + 3, generator=generator), torch.randn(2, 3, generator=generator)]
    out = torch.empty(PIECE + 9)
    Scores(lambda w, x, out: torch.mul(w, x, out=out), [(w, w + 1) for w in weights]).fill(out)
    expected = torch.cat([(w * (w + 1)).flatten() for w in weights])
    assert torch.equal(out, expected)
    assert math.isfinite(float(out.sum()))
