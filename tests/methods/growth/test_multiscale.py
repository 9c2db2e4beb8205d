"""Multi-scale training under the harness: what it refuses, when it passes on, and going back."""

from __future__ import annotations

import loops
import module_hooks
import pytest
import torch
from torch import nn

from espalier.core import component
from espalier.core.contracts import CannotTrain, Model, Run
from espalier.core.samples import SampleShape, TokenShape
from espalier.kconfig import tree
from espalier.methods.growth.multiscale import Multiscale
from espalier.optimizers.adamw import AdamW
from espalier.train.costs.cost_meter import CostMeter
from espalier.train.engine.early_stopping import KeptEpoch
from espalier.train.input_layers import find_input_layers


def pixels_network() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 4)]
    return nn.Sequential(*layers)


def run_of(method: Multiscale, model: nn.Module | None = None, epochs: int = 8) -> Run:
    return loops.run_of(AdamW(), method, model=model or pixels_network(), epochs=epochs)


def epochs(run: Run, count: int) -> Run:
    for _ in range(count):
        loops.train(run, run.steps_per_epoch)
        run.epoch += 1
        run.method.after_epoch(run)
    return run


@pytest.mark.parametrize("name", component.names("model"))
def test_kconfig_knows_which_models_read_pixels(name: str) -> None:
    kconf, spec = tree.parse(), component.find("model", name, Model)()
    if spec.takes is TokenShape:
        return
    kconf.syms[f"MODEL_SELECT_{name.upper()}"].set_value("y")
    said = kconf.syms["MODEL_READS_PIXELS"].str_value == "y"
    x = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert said == (find_input_layers(spec.build(SampleShape(1, 16, 16, 4)).eval(), x) is not None)


@pytest.mark.parametrize(
    ("fields", "epochs", "reason", "match"),
    [
        ({"factors": "2"}, 8, "factors", "FACTORS='2': must be whole numbers .* end with 1"),
        ({"factors": "4,x,1"}, 8, "factors", "end with 1"),
        ({"factors": "3,2,1"}, 8, "factors", "divisor of the one before"),
        ({"factors": "2,2,1"}, 8, "factors", "divisor of the one before"),
        ({"factors": "3,1"}, 8, "factors", "must divide the images' 4 x 4 pixels"),
        ({"share": 0.99}, 8, "scale_without_epochs", "SHARE=0.99 of 8 epochs"),
        ({}, 1, "scale_without_epochs", "raise CONFIG_NUM_EPOCHS"),
    ],
)
def test_what_makes_no_sense_is_refused(fields, epochs, reason, match) -> None:
    with pytest.raises(CannotTrain, match=match) as caught:
        run_of(Multiscale(**fields), epochs=epochs)
    assert caught.value.reason == reason


def test_a_model_that_convolves_pixels_is_refused() -> None:
    with pytest.raises(CannotTrain, match="whose first layer is linear .* is a Sequential: set"):
        loops.run_of(AdamW(), Multiscale())


def test_sizes_follow_each_other_and_nothing_jumps() -> None:
    run = run_of(Multiscale("4,2,1", 0.25))
    seen = []
    run.costs = CostMeter()
    for _ in range(8):
        run.count_passes(48, 48)
        epochs(run, 1)
        seen.append(run.method.measures(run)["pooled_by"])
    assert seen == [4, 2, 2, 1, 1, 1, 1, 1]
    measures = run.method.measures(run)
    assert 0 < measures["passage_difference"] < 1e-5
    costs = [4 * 6 * inputs + 6 * 24 for inputs in (1, 4, 16)]
    assert measures["training_operations"] == 48 * sum(
        n * cost for n, cost in zip((2, 2, 4), costs, strict=True)
    )
    assert run.costs.measures(run)["flops_total"] == measures["training_operations"]
    assert run.method.changes(run) == 2


def test_shuffled_cells_make_the_logits_jump() -> None:
    run = epochs(run_of(Multiscale(handover="shuffled")), 8)
    assert run.method.measures(run)["passage_difference"] > 0.01


@pytest.mark.parametrize("build", [pixels_network, loops.blocks_network])
@pytest.mark.parametrize("earlier", [1, 4])
def test_a_run_goes_on_exactly_from_any_size(build, earlier) -> None:
    method = Multiscale("4,2,1", 0.25)
    first = epochs(run_of(method, build()), earlier)
    second = loops.resume(run_of(method, build()), first)
    for run in (first, second):
        epochs(run, 8 - earlier)
    assert loops.same(loops.values(first.model), loops.values(second.model))
    assert first.method.measures(first) == second.method.measures(second)


@pytest.mark.parametrize("build", [pixels_network, loops.blocks_network])
def test_the_network_of_a_smaller_size_can_be_had_back(build) -> None:
    run = epochs(run_of(Multiscale(), build()), 1)
    kept, x = KeptEpoch.of(run), loops.split().x
    before = run.model(x)
    assert run.method.unfinished(run)
    epochs(run, 7)
    assert not run.method.unfinished(run)
    kept.restore(run)
    assert torch.equal(run.model(x), before) and run.method.measures(run)["pooled_by"] == 2


def test_masked_edges_keep_their_number_and_their_zeros() -> None:
    net = loops.blocks_network()
    live = net.live
    epochs(run_of(Multiscale("2,1"), net), 8)
    assert net.live == live


def test_attaching_it_again_leaves_one_hook() -> None:
    run = run_of(Multiscale())
    run.attach()
    assert module_hooks.count(run.model) == 1
