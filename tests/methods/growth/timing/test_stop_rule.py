"""When growth no longer pays, and the method that asks."""

import csv
import dataclasses

import loops
import pytest
import torch

from espalier.core.contracts import CannotTrain
from espalier.methods.growth.growth_table import TABLE
from espalier.methods.growth.indefinite import Indefinite
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule, Plateau, PlateauOptions
from espalier.methods.growth.timing.stop_rule import StopRule, StopState
from espalier.optimizers.adam import Adam

WAYS = ("gradient", "random")
STUCK = GrowthSchedule(events=20, stop=1.0, trigger="plateau", plateau=PlateauOptions(patience=1))


def heeded(rule, *seen):
    rounds = StopState()
    for loss, live in seen:
        rounds.update(rule, loss, live)
    return rounds.ended


def trained(method, epochs=20, density=0.3, lr=0.03):
    model = loops.blocks_network(density=density)
    run = loops.run_of(Adam(), method, model=model, epochs=epochs, lr=lr)
    for _ in range(epochs * run.steps_per_epoch):
        loops.train(run, 1)
        if run.step % run.steps_per_epoch == 0:
            run.epoch += 1
            run.method.after_epoch(run)
    return run


def test_a_plateau_is_a_loss_that_does_not_fall_by_the_margin():
    first = Plateau(patience=2, margin=0.1)
    assert [first.update(loss) for loss in (1.0, 0.95, 0.89, 0.85, 0.81)] == [False] * 4 + [True]
    first.restart()
    assert [first.update(loss) for loss in (0.85, 0.7, 0.65, 0.64)] == [False, False, False, True]


def test_it_ends_after_poor_rounds_in_a_row():
    rule = StopRule(max_edges=10**6, gain=0.1, rounds=2)  # 0.01 nats for 100 edges
    poor, rich = (1.0, 100), (0.5, 200)
    assert heeded(rule, poor, rich, (0.495, 300), (0.49, 400)) == "gain"
    assert heeded(rule, poor, rich, (0.495, 300), (0.4, 400), (0.395, 500)) == ""
    assert heeded(rule, poor, (1.5, 200), (2.0, 300)) == "gain"


def test_a_round_that_added_nothing_is_no_poor_one():
    assert heeded(StopRule(10**6, 0.1, 1), (1.0, 100), (1.0, 100), (1.0, 100)) == ""


def test_it_ends_at_the_budget():
    assert heeded(StopRule(max_edges=200), (1.0, 100), (0.5, 200)) == "budget"


def test_the_budget_is_reached_exactly_and_told():
    run = trained(Indefinite(schedule=STUCK, rule=StopRule(120, -1e9, 99), share=0.4))
    assert run.model.live == 120
    assert run.method.measures(run)["growth_ended"] == "budget"


def test_nothing_gained_ends_it():
    run = trained(Indefinite(schedule=STUCK, rule=StopRule(10**6, 1e9, 2), share=0.2))
    measures = run.method.measures(run)
    assert measures["growth_ended"] == "gain" and measures["growth_events"] == 2


def test_layers_come_where_units_stand_out_and_change_nothing(tmp_path):
    run = trained(Indefinite(schedule=STUCK, rule=StopRule(10**6, -1e9, 99), crowded=0.01))
    measures = run.method.measures(run)
    assert measures["layers"] > 4 and measures["event_drop"] == 0.0
    run.method.write(run, tmp_path)
    with (tmp_path / TABLE).open(encoding="utf-8", newline="") as file:
        assert "insert_layer" in {line["op"] for line in csv.DictReader(file)}


def test_a_full_network_gets_a_layer():
    run = trained(Indefinite(schedule=STUCK, rule=StopRule(10**6, -1e9, 99)), density=1.0, epochs=6)
    assert run.method.measures(run)["layers"] > 4


def test_a_network_with_as_many_edges_as_allowed_is_refused():
    with pytest.raises(CannotTrain, match="CONFIG_INDEFINITE_MOST=10 is no more than the"):
        trained(Indefinite(schedule=STUCK, rule=StopRule(max_edges=10)))


def test_a_wait_that_is_longer_than_growth_is_refused():
    schedule = GrowthSchedule(
        events=1, stop=0.5, trigger="plateau", plateau=PlateauOptions(patience=10)
    )
    with pytest.raises(CannotTrain, match="lower CONFIG_GROWTH_PATIENCE"):
        trained(Indefinite(schedule=schedule))


def test_where_edges_come_is_heeded():
    endless = StopRule(10**6, -1e9, 99)
    few = dataclasses.replace(STUCK, events=3)
    ways = [Indefinite(schedule=few, rule=endless, crowded=1.0, where=w) for w in WAYS]
    masks = [trained(way).model.block(0, 1).mask for way in ways]
    assert int(masks[0].sum()) < masks[0].numel()
    assert not torch.equal(*masks)
