"""Rates of single parts act on a network of masked blocks while it grows."""

import dataclasses

import loops
import packing
import pytest
import torch

from espalier.core import component
from espalier.core.trial_config import Config
from espalier.methods.growth.grow import Grow
from espalier.methods.growth.structure import operations
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule
from espalier.optimizers.adam import Adam
from espalier.optimizers.adamw import AdamW
from espalier.optimizers.sgd import SGD
from espalier.rates.by_age import Age, Component, Dual, Warmup
from espalier.rates.by_event import AfterGrowth, Differential
from espalier.rates.composing import MultiplierBounds
from espalier.rates.rate_options import RatePlan
from espalier.rates.scaling import UpdateScale

CHOICES = [name for name in packing.symbols().members("RATES") if name not in ("none", "several")]
WIDE = MultiplierBounds(0.0, 1e6)
FIRST = GrowthSchedule(events=1, stop=1 / 48)  # after the first update
OPTIMIZERS = {"adam": Adam(), "adamw": AdamW(), "sgd": SGD(momentum=0.9, weight_decay=0.1)}
SHORT = {
    "NUM_EPOCHS": "6",
    "RATES_WARMUP_STEPS": "9",
    "RATES_SEDIMENTARY_SEDIMENT": "0",
    "RATES_GROWTH_RECOVERY": "9",
    "RATES_COMPONENT_NEW_STEPS": "4",
    "RATES_DIFFERENTIAL_RECOVERY": "9",
}


def grown(optimizer, method=None):
    """A run that has grown after its first update, in which nothing moved; its batch stays."""
    method = method or Grow(schedule=FIRST, to=0.7)
    run = loops.run_of(OPTIMIZERS[optimizer], method, model=loops.blocks_network())
    rate(run, 0.0)
    step(run)
    rate(run, 0.01)
    return run


def rate(run, value):
    for group in run.optimizer.param_groups:
        group["lr"] = value


def step(run, scale=None):
    """An update on the first batch, as the loop does it; what it did to each weight."""
    if scale:
        scale.prepare()
    loops.backward(run.model, 0)
    run.method.after_backward(run)
    if scale:
        scale.before()
    before = {pair: block.weight.detach().clone() for pair, block in run.model.each()}
    run.optimizer.step()
    if scale:
        scale.after()
    run.step += 1
    run.method.after_step(run)
    run.method.check(run)
    return {pair: block.weight.detach() - before[pair] for pair, block in run.model.each()}


def test_under_a_fresh_adam_new_edges_move_five_times_as_far():
    """The moments are those of one gradient, so Adam moves every edge by its rate."""
    run = grown("adam")
    births = {pair: block.births.clone() for pair, block in run.model.each()}
    moved = step(run, UpdateScale(run, [Dual(0.1, 0.5)], WIDE))
    new = torch.cat([moved[p][births[p] == 1] for p in moved]).abs()
    old = torch.cat([moved[p][births[p] == 0] for p in moved]).abs()
    new, old = new[new > 1e-5], old[old > 1e-5]  # the others had no gradient
    assert len(new) > 20 and len(old) > 20
    assert float(new.mean() / old.mean()) == pytest.approx(5.0, rel=0.05)
    assert float(new.mean()) == pytest.approx(0.005, rel=0.05)


@pytest.mark.parametrize(
    ("strategies", "new", "old"),
    [
        ([Dual(0.1, 0.5)], 0.5, 0.1),
        ([Age(0.5, 0.1)], 1.0, 0.5),
        ([AfterGrowth(0.5, 10, 0.1)], 1.0, 0.5),
        ([Component(0.8, 0.4, 0.1, 10, 10)], 0.8, 0.1),
        ([Warmup(10)], 0.1, 1.0),
        ([Warmup(10), Age(0.5, 0.1), Dual(0.1, 0.5)], 0.1 * 1.0 * 0.5, 1.0 * 0.5 * 0.1),
    ],
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_edge_moves_by_its_share_of_what_it_would(optimizer, strategies, new, old):
    plain = step(grown(optimizer))
    run = grown(optimizer)
    births = {pair: block.births.clone() for pair, block in run.model.each()}
    scaled = step(run, UpdateScale(run, strategies, WIDE))
    for pair, born in births.items():
        for when, share in ((1, new), (0, old)):
            at = born == when
            torch.testing.assert_close(
                scaled[pair][at], share * plain[pair][at], rtol=0.01, atol=1e-6
            )


@dataclasses.dataclass(frozen=True)
class SecondBlock(Grow):
    """One edge for the block between the first two hidden nodes."""

    def act(self, run, max_edges):
        at = (~run.model.block(1, 2).mask).nonzero()[:1]
        operations.add_edges(run.method_state.editor, (1, 2), (at[:, 0], at[:, 1]))


def test_the_distance_is_that_from_the_block_that_grew():
    run = grown("adam", SecondBlock(schedule=FIRST, to=0.7))
    scale = UpdateScale(run, [Differential(0.9, 0.7, 0.5, 10, 0.1)], WIDE)
    scale.prepare()
    loops.backward(run.model, 0)
    scale.before()
    expected = {(0, 1): 0.7, (1, 2): 0.9, (2, 3): 0.7, (3, 4): 0.5}
    for pair, block in run.model.each():
        factors = run.optimizer.rate_multipliers[block.weight]
        factors = factors.expand(block.mask.shape)[block.births == 0]
        torch.testing.assert_close(factors, torch.full_like(factors, expected[pair]))
    block = run.model.block(1, 2)
    assert run.optimizer.rate_multipliers[block.weight][block.births == 1].tolist() == [1.0]


def outcome(rates, optimizer):
    values = packing.configured(
        {
            **packing.BASE,
            **SHORT,
            "MODEL": "blocks",
            "INIT_FROM": "named.pt",  # for `pretrained`, and not read: the rates go by layers
            "RATES": rates,
            "OPTIMIZER": optimizer,
            "PRUNING_METHOD": "grow",
        }
    )
    assert (values["MODEL"], values["RATES"]) == ("blocks", rates)
    made = packing.trainer(values, packing.blocks)
    plan = component.build(RatePlan, Config(values), "")
    return packing.train([dataclasses.replace(made, rates=plan.scale(made.run))])[0]


def weights(outcome):
    return torch.cat([t.double().flatten() for t in outcome.tensors])


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("rates", CHOICES)
def test_every_choice_trains_a_growing_network_otherwise(rates, optimizer):
    """With the promise of masks checked after each update."""
    scaled, plain = outcome(rates, optimizer), outcome("none", optimizer)
    assert scaled.error == "" and len(scaled.records) == 6
    for result in (scaled, plain):
        assert result.records[-1]["live_edges"] == plain.records[-1]["live_edges"]
    assert not torch.allclose(weights(plain), weights(scaled), atol=1e-6)
