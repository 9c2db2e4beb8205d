"""Rates by age act on every single edge of an ordinary model that has grown."""

import loops
import pytest
import torch

from espalier.methods.growth.grow import Grow
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule
from espalier.optimizers.sgd import SGD
from espalier.rates.by_age import Age, Dual, Warmup
from espalier.rates.composing import MultiplierBounds
from espalier.rates.scaling import UpdateScale
from espalier.sparse.initial_edges import EdgePlan

FIRST = GrowthSchedule(events=1, stop=1 / 48)  # after the first update


@pytest.mark.parametrize(
    ("strategy", "new", "old"),
    [(Dual(0.25, 2.0), 2.0, 0.25), (Age(0.5, 0.1), 1.0, 0.5), (Warmup(4), 0.25, 1.0)],
    ids=["dual", "age", "warmup"],
)
def test_each_edge_moves_by_its_gradient_times_its_factor(strategy, new, old):
    method = Grow(schedule=FIRST, plan=EdgePlan(density=0.3), to=0.6)
    optimizer = SGD(momentum=0.0, weight_decay=0.0)
    run = loops.train(loops.run_of(optimizer, method, lr=0.5), 1)
    scale = UpdateScale(run, [strategy], MultiplierBounds(0.0, 1e6))
    scale.prepare()
    loops.backward(run.model, run.step)
    run.method.after_backward(run)
    scale.before()
    before = loops.values(run.model)
    run.optimizer.step()
    scale.after()
    kinds = set()
    for parameter, was in zip(run.model.parameters(), before, strict=True):
        births = run.method.birth_record(run).birth_steps(parameter)
        born = torch.zeros_like(parameter) if births is None else births
        factor = torch.where(born > 0, new, old)
        torch.testing.assert_close(parameter.detach(), was - 0.5 * factor * parameter.grad)
        assert not parameter.detach()[born < 0].any()
        kinds |= set(born.unique().tolist())
    assert kinds == {-1, 0, 1}
