"""Which missing edges are wanted: by the gradient, by extrema, or by chance."""

import loops
import pytest
import torch
from torch.nn import functional as F

from espalier.methods.growth.grow import Grow
from espalier.methods.growth.placement import missing_edge_scores
from espalier.optimizers.sgd import SGD

HERE = [(0, 1), (1, 2), (2, 3), (3, 4)]
SKIPS = [(0, 2), (1, 4)]  # blocks that are not there


def run_of(density=0.6):
    model = loops.blocks_network(density=density)
    run = loops.run_of(SGD(), Grow(to=0.9), model=model)
    run.batch_size = len(run.train)  # so that what is drawn is all there is
    return run


@pytest.mark.parametrize("rule", missing_edge_scores.CRITERIA)
def test_a_score_for_each_edge_there_is_or_could_be(rule):
    run, sizes = run_of(), (16, 7, 6, 5, 4)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    scores = missing_edge_scores.CRITERIA[rule](run, HERE + SKIPS)
    assert {p: tuple(s.shape) for p, s in scores.items()} == {
        (i, j): (sizes[j], sizes[i]) for i, j in HERE + SKIPS
    }
    assert all(bool(s.isfinite().all()) for s in scores.values())
    assert torch.equal(torch.get_rng_state(), before)
    again = missing_edge_scores.CRITERIA[rule](run_of(), HERE + SKIPS)
    assert all(torch.equal(scores[p], again[p]) for p in scores)


@pytest.mark.parametrize("rule", missing_edge_scores.CRITERIA)
def test_asking_changes_nothing(rule):
    run = run_of()
    before = [t.clone() for t in run.model.state_dict().values()]
    loops.backward(run.model, 0)
    grads = [p.grad.clone() for p in run.model.parameters()]
    run.model.train()
    missing_edge_scores.CRITERIA[rule](run, HERE)
    assert run.model.training
    assert loops.same(before, list(run.model.state_dict().values()))
    assert loops.same(grads, [p.grad for p in run.model.parameters()])


def test_the_gradient_is_that_of_an_edge_if_it_were_there():
    run = run_of()
    scores = missing_edge_scores.score_pairs_by_gradient(run, HERE)
    for pair, block in run.model.each():
        row, column = (~block.mask).nonzero()[0].tolist()
        block.mask[row, column] = True
        run.model.zero_grad()
        F.cross_entropy(run.model(run.train.x), run.train.y).backward()
        expected = block.weight.grad[row, column].abs()
        block.mask[row, column] = False
        torch.testing.assert_close(scores[pair][row, column], expected)


def test_a_dead_unit_gets_edges_and_hot_and_saturated_ones_give_them():
    run = run_of()
    with torch.no_grad():
        bias = run.model.block(1, 2).bias
        bias[0], bias[1] = -100.0, 100.0  # of node 2: never fires; always does, and is large
    extrema = missing_edge_scores.find_hidden_extrema(run)[2]
    dead, stands = extrema.dead, extrema.hot | extrema.saturated
    assert bool(dead[0]) and bool(stands[1])
    scores = missing_edge_scores.score_by_extrema(run, [(1, 2), (2, 3)])
    others = missing_edge_scores.find_hidden_extrema(run)
    from_hot = (others[1].hot | others[1].saturated).float()
    assert torch.equal(scores[1, 2].floor(), dead.float()[:, None] + from_hot)
    assert torch.equal(scores[2, 3].floor(), others[3].dead.float()[:, None] + stands.float())


def test_chance_is_even():
    run = run_of()
    draws = torch.stack(
        [missing_edge_scores.score_at_random(run, [(1, 2)])[1, 2] for _ in range(500)]
    )
    assert float(draws.min()) >= 0 and float(draws.max()) < 1
    assert float((draws.mean(0) - 0.5).abs().max()) < 0.07  # 5 standard errors
