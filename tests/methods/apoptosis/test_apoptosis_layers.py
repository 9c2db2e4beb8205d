"""Layer-level apoptosis under the harness: what it refuses and measures, exact continuation."""

import loops
import pytest
import torch

from espalier.core import component
from espalier.core.contracts import CannotTrain, Model
from espalier.core.samples import SampleShape, TokenShape
from espalier.kconfig import tree
from espalier.methods.apoptosis.apoptosis_layers import ApoptosisLayers
from espalier.methods.apoptosis.branches.layer_apoptosis import LifespanOptions
from espalier.methods.apoptosis.branches.residual_branches import branches_of
from espalier.methods.apoptosis.measurement.event_meter import probe_loss
from espalier.optimizers.adamw import AdamW

QUICK = LifespanOptions(max_lifespan=10, maturation=4, interval=5, threshold=0.6)


SHAPES = {SampleShape: SampleShape(1, 16, 16, 4), TokenShape: TokenShape(7, 6)}


@pytest.mark.parametrize("name", component.names("model"))
def test_kconfig_knows_which_models_have_residual_branches(name):
    kconf, spec = tree.parse(), component.find("model", name, Model)()
    if spec.takes is TokenShape:
        kconf.syms["DATASET_SELECT_TEXT"].set_value("y")
    kconf.syms[f"MODEL_SELECT_{name.upper()}"].set_value("y")
    said = kconf.syms["MODEL_HAS_RESIDUAL_BRANCHES"].str_value == "y"
    x = torch.zeros(1, 6).long() if spec.takes is TokenShape else torch.randn(1, 1, 16, 16)
    model = spec.build(SHAPES[spec.takes]).eval()
    assert said == any(True for _ in branches_of(model, x))


def run_of(method):
    return loops.run_of(AdamW(), method, model=loops.residual_network())


def test_a_model_without_residual_branches_is_refused():
    with pytest.raises(CannotTrain, match="the model has no residual branch") as caught:
        loops.run_of(AdamW(), ApoptosisLayers(QUICK))
    assert caught.value.reason == "no_branches"


def test_names_that_fit_nothing_are_refused():
    with pytest.raises(CannotTrain, match="'9.*' names no residual branch; .* in: 2.body.2, 3.bo"):
        run_of(ApoptosisLayers(QUICK, "2.*, 9.*"))


def test_a_run_that_ends_before_the_first_death_is_refused():
    with pytest.raises(CannotTrain, match="after 3000 steps of its life, but 47 of") as caught:
        run_of(ApoptosisLayers())
    assert caught.value.reason == "apoptosis_never_starts"


def test_deaths_are_counted_and_their_jumps_measured():
    run = loops.train(run_of(ApoptosisLayers(QUICK)), 4)
    assert set(run.method.measures(run)) == {"sparsity", "live_parameters"}  # no event yet
    loops.backward(run.model, run.step)
    run.optimizer.step()
    run.step += 1
    before = probe_loss(run)
    run.method.after_step(run)
    measures = run.method.measures(run)
    # influence 0.5 at step 5, which is below 0.6
    assert (measures["events"], measures["deaths"], measures["births"]) == (1, 1, 1)
    assert (
        measures["event_jump"]
        == measures["event_jump_max"]
        == pytest.approx(probe_loss(run) - before)
    )
    assert measures["event_jump"] != 0 and measures["event_seconds"] > 0


def test_only_named_branches_take_part():
    run = loops.train(run_of(ApoptosisLayers(QUICK, "3.*")), 20)
    events = run.method_state.manager.apoptosis_events
    assert {event.layer for event in events} == {"3.body.2"}


@pytest.mark.parametrize("steps", [3, 7, 13])
def test_going_on_from_a_saved_state_is_exact(steps):
    method = ApoptosisLayers(QUICK)
    straight = loops.train(run_of(method), 30)
    first, second = loops.train(run_of(method), steps), run_of(method)
    second.model.load_state_dict(first.model.state_dict())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    method.load_state_dict(second, method.state_dict(first))
    second.step = steps
    loops.train(second, 30 - steps)
    assert loops.same(loops.values(straight.model), loops.values(second.model))
    clock = {"event_seconds": 0.0, "probe_seconds": 0.0}
    assert {**method.measures(second), **clock} == {**method.measures(straight), **clock}


def test_its_random_numbers_are_those_of_the_run():
    first, second = run_of(ApoptosisLayers(QUICK)), run_of(ApoptosisLayers(QUICK))
    second.generators["method"].manual_seed(9)
    for run in (first, second):
        loops.train(run, 10)
    assert not loops.same(loops.values(first.model), loops.values(second.model))
