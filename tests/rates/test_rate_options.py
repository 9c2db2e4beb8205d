"""Every choice of rates trains the same in a pack as alone, and other than with one rate."""

import dataclasses

import packing
import pytest
import torch

from espalier.core import component
from espalier.core.trial_config import Config
from espalier.rates.rate_options import RatePlan

CHOICES = [name for name in packing.symbols().members("RATES") if name not in ("none", "several")]
SHORT = {
    "NUM_EPOCHS": "6",
    "SPARSE_EVERY": "7",
    "SPARSE_DENSITY": "0.3",
    "RATES_WARMUP_STEPS": "9",
    "RATES_SEDIMENTARY_SEDIMENT": "0",
    "GRAD_CLIP_NORM": "1",
}

PRETRAINED = ("INIT_FROM", "named.pt")  # not read, for the rates go by layers; a path only


def trainer(wishes, k, build):
    values = packing.configured(
        {
            **packing.BASE,
            **SHORT,
            "ADAMW_EPSILON": "1e-6",
            **wishes,
            "SEED": str(k + 1),
            "LEARNING_RATE": str(0.01 / (k + 1)),
        }
    )
    assert wishes.items() - {PRETRAINED} <= values.items()
    made = packing.trainer(values, build)
    plan = component.build(RatePlan, Config(values), "")
    return dataclasses.replace(made, rates=plan.scale(made.run))


def alone(wishes, k, build):
    return packing.train([trainer(wishes, k, build)])[0]


def weights(outcome):
    return torch.cat([t.double().flatten() for t in outcome.tensors])


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("rates", CHOICES)
def test_a_pack_of_different_runs_is_each_of_them(rates, optimizer):
    wishes = {"RATES": rates, "OPTIMIZER": optimizer, "PRUNING_METHOD": "rigl", "MODEL": "mlp"}
    if rates == "pretrained":
        wishes |= [PRETRAINED]
    together = packing.train([trainer(wishes, k, packing.mlp) for k in range(3)])
    for k, outcome in enumerate(together):
        packing.assert_same(outcome, alone(wishes, k, packing.mlp))
    plain = alone({**wishes, "RATES": "none"}, 0, packing.mlp)
    assert not torch.allclose(weights(plain), weights(together[0]), atol=1e-6)


@pytest.mark.parametrize("method", ["none", "apoptosis_functional"])
@pytest.mark.parametrize("build", [packing.lenet, packing.residual, packing.mlp])
def test_any_model_and_a_method_that_replaces_neurons(build, method):
    wishes = {"RATES": "freezing", "OPTIMIZER": "adamw", "PRUNING_METHOD": method, "MODEL": "mlp"}
    if method != "none":
        wishes |= {"RATES": "growth"}
    if not packing.fits(method, build):
        pytest.skip("the method has nothing to do in this model")
    together = packing.train([trainer(wishes, k, build) for k in range(2)])
    packing.assert_same(together[1], alone(wishes, 1, build))


def test_several_are_the_product():
    """Depth and density together; the others are off."""
    wishes = {
        "RATES": "several",
        "RATES_WITH_CASCADE": "y",
        "RATES_WITH_DENSITY": "y",
        "PRUNING_METHOD": "static",
        "MODEL": "mlp",
        "OPTIMIZER": "sgd",
    }
    made = trainer(wishes, 0, packing.mlp)
    made.set_learning_rate()
    made.rates.before()
    multipliers = list(made.run.optimizer.rate_multipliers.values())
    edges = made.run.method_state.edges
    matrices = [
        0.75 ** (2 - i) * (w.numel() / n) ** 0.5
        for i, (w, n) in enumerate(zip(edges.weights, edges.counts, strict=True))
    ]
    assert [float(f) for f in multipliers[: len(matrices)]] == pytest.approx(matrices, rel=1e-9)
