"""Early stopping on curves that are planted, and what a run is given back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import loops
import packing
import pytest
import torch
from torch import nn

from espalier.core.contracts import LrSchedule, Method, Run
from espalier.methods.pruning.droplinear import DropLinearMethod
from espalier.methods.pruning.magnitude import Magnitude
from espalier.methods.pruning.pruning_schedule import PruningPlan
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.methods.rewiring.rigl import RiggedLottery
from espalier.optimizers.sgd import SGD
from espalier.train import loop
from espalier.train.engine.early_stopping import (
    EarlyStopping,
    EarlyStopPlan,
    KeptEpoch,
    NetworkSize,
    StopCriterion,
)
from espalier.train.engine.evaluation import evaluate
from espalier.train.engine.trainer import Recipe, Trainer

DOWN = [5.0, 4.0, 3.0, 2.0, 1.0]


@dataclass(frozen=True)
class Growing(Method):
    """Says that it changed the network in some epochs, and may not be done before another."""

    at: tuple[int, ...] = ()
    done: int = 0

    def changes(self, run: Run) -> int:
        return sum(epoch <= run.epoch for epoch in self.at)

    def unfinished(self, run: Run) -> bool:
        return run.epoch < self.done


def run_with(method: Method | None = None, epochs: int = 99) -> Run:
    return loops.run_of(SGD(), method or Method(), epochs, model=nn.Linear(1, 1))


def heard(
    stopping: EarlyStopping, run: Run, losses: list[float], sparsity: list[float] | None = None
) -> int:
    """The epoch in which a run with these validation losses ends; its weight is the epoch."""
    for epoch, loss in enumerate(losses, start=1):
        with torch.no_grad():
            next(run.model.parameters()).fill_(epoch)
        run.epoch = epoch
        density = 0.0 if sparsity is None else sparsity[epoch - 1]
        stopping.after_epoch(run, {"val_loss": loss, "val_acc": -loss, "sparsity": density})
        if stopping.stopped or run.epoch == run.epochs:
            break
    return run.epoch


def weight(run: Run) -> float:
    return next(run.model.parameters()).item()


def planted(patience: int, losses: list[float], run: Run | None = None, **rest: Any) -> Any:
    """(the last epoch, the epoch whose weights the run has in the end)."""
    run = run or run_with()
    stopping = EarlyStopping(patience, StopCriterion(**rest))
    return heard(stopping, run, losses), weight(run)


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_it_stops_after_exactly_so_many_epochs_without_improvement(patience: int) -> None:
    assert planted(patience, [*DOWN, *[1.5] * 9]) == (5 + patience, 5)


def test_one_better_epoch_begins_a_new_wait() -> None:
    assert planted(3, [2, 3, 3, 1, 3, 3, 3, 0]) == (7, 4)


def test_the_first_of_equals_is_the_best() -> None:
    assert planted(2, [1, 1, 1]) == (3, 1)


def test_a_small_improvement_begins_no_wait_but_is_the_best() -> None:
    losses = [1.0, 0.9, 0.85, 0.8, 0.5]
    assert planted(2, losses, min_delta=0.3) == (3, 3)
    assert planted(3, losses, min_delta=0.15) == (5, 5)  # 0.8 is 0.2 below 1


def test_accuracy_counts_upwards() -> None:
    run, stopping = run_with(), EarlyStopping(2, StopCriterion(by="val_acc"))
    for epoch, accuracy in enumerate([10.0, 30.0, 20.0, 25.0], start=1):
        run.epoch = epoch
        stopping.after_epoch(run, {"val_loss": 1.0, "val_acc": accuracy, "sparsity": 0.0})
    assert stopping.stopped
    assert stopping.epoch == 2


def test_growth_begins_a_new_wait() -> None:
    assert planted(3, [1] + [2] * 20, run_with(Growing((3,)))) == (6, 1)


def test_after_growth_it_cools_down_first() -> None:
    assert planted(3, [1] + [2] * 20, run_with(Growing((3,))), cooldown=4) == (10, 1)
    assert planted(3, [1] + [2] * 20, run_with(Growing((3, 5))), cooldown=4) == (12, 1)


def test_what_is_unfinished_is_not_stopped() -> None:
    assert planted(2, [1] + [2] * 20, run_with(Growing(done=9))) == (10, 1)


def test_a_network_from_before_its_pruning_is_not_the_best() -> None:
    run, stopping = run_with(), EarlyStopping(2, StopCriterion())
    losses, sparsity = [1.0, 0.5, 3.0, 2.5, 2.6, 2.7, 2.8], [0, 0, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert heard(stopping, run, losses, sparsity) == 6
    assert weight(run) == stopping.epoch == 4


def test_a_smaller_network_stays_the_best_when_it_has_grown() -> None:
    run, stopping = run_with(), EarlyStopping(2, StopCriterion())
    assert heard(stopping, run, [1.0, 2.0, 3.0], [0.9, 0.5, 0.5]) == 3
    assert weight(run) == 1


def test_a_run_that_is_not_stopped_has_the_best_weights_too() -> None:
    assert planted(9, [3, 1, 2], run_with(epochs=3)) == (3, 2)


def test_no_patience_is_no_early_stopping() -> None:
    assert EarlyStopPlan().start() is None
    assert EarlyStopPlan(3, StopCriterion()).start() is not None


def test_buffers_come_back_too_even_those_outside_a_state_dict() -> None:
    run = run_with()
    run.model.register_buffer("mask", torch.ones(2), persistent=False)
    run.epoch = 2
    kept = KeptEpoch.of(run)
    with torch.no_grad():
        for tensor in (*run.model.parameters(), *run.model.buffers()):
            tensor.fill_(7.0)
    kept.restore(run)
    assert run.model.mask.tolist() == [7.0, 7.0]  # still the epoch that was kept
    run.epoch = 3
    kept.restore(run)
    assert run.model.mask.tolist() == [1.0, 1.0]


def test_a_layer_of_another_size_is_the_methods_mistake() -> None:
    run = run_with()
    kept = KeptEpoch.of(run)
    run.epoch, run.model.weight = 1, nn.Parameter(torch.zeros(1, 2))
    with pytest.raises(RuntimeError, match="weight is not what it was"):
        kept.restore(run)


@dataclass(frozen=True)
class Rising(LrSchedule):
    """A rate that ruins what was learned, from an epoch on."""

    start: int

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return 1.0 if step < self.start * steps_per_epoch else 30.0


def trainer(ruin: int, seed: int, patience: int = 3) -> Trainer:
    values = packing.configured({"OPTIMIZER": "sgd", "PRUNING_METHOD": "none"})
    made = packing.trainer({**values, **packing.BASE, "SEED": str(seed)}, normalised)
    stop = EarlyStopPlan(patience, StopCriterion())
    return Trainer(made.run, Recipe(20, 4, seed, early_stop=stop), Rising(ruin), debug_checks=True)


def normalised() -> nn.Module:
    """With buffers that move."""
    layers = [nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4)]
    return nn.Sequential(*layers)


packing.SIDES.setdefault(normalised, 4)


def test_what_comes_back_measures_what_the_best_epoch_did() -> None:
    run = trainer(5, seed=1)
    outcome = packing.train([run])[0]
    losses = [record["val_loss"] for record in outcome.records]
    assert run.stopping is not None
    assert run.ended
    assert run.stopping.epoch == 1 + losses.index(min(losses)) == len(losses) - 3
    assert evaluate(run, run.run.validation)[0] == min(losses)


def test_each_run_of_a_pack_stops_where_it_would_alone() -> None:
    ruins = [4, 6, 2]
    runs = [trainer(ruin, seed) for seed, ruin in enumerate(ruins)]
    outcomes = packing.train(runs)
    assert len({len(outcome.records) for outcome in outcomes}) > 1
    for seed, (ruin, outcome, run) in enumerate(zip(ruins, outcomes, runs, strict=True)):
        (twin,) = packing.train([trainer(ruin, seed)])
        packing.assert_same(outcome, twin)
        best = min(record["val_loss"] for record in outcome.records)
        assert evaluate(run, run.run.validation)[0] == best


def test_the_loop_trains_no_epoch_more() -> None:
    run = trainer(2, seed=3, patience=1)
    records = [outcome for _, outcome in loop.Loop([run]).epochs()]
    assert len(records) == run.run.epoch < 20


def test_masks_come_back_with_the_weights() -> None:
    run = loops.run_of(
        SGD(), RiggedLottery(plan=SparsePlan(density=0.4), schedule=DropSchedule(every=7))
    )
    loops.train(run, 15)
    masks, weights = run.method_state.edges.masks, loops.values(run.model)
    kept, mask = KeptEpoch.of(run), masks.mask.clone()
    loops.train(run, 15)
    run.epoch = 1
    assert not torch.equal(masks.mask, mask)
    kept.restore(run)
    assert torch.equal(masks.mask, mask)
    assert loops.same(loops.values(run.model), weights)
    assert float(torch.cat([w.detach().flatten() for w in masks.weights])[mask].abs().sum()) == 0


def test_a_pruned_network_is_finished_when_its_ramp_is_over() -> None:
    plan = PruningPlan(target=0.5, warmup=2, ramp_end_epoch=2, frequency=3)
    run = loops.run_of(SGD(), Magnitude(plan=plan))  # six steps an epoch
    assert run.method.unfinished(loops.train(run, 11))
    assert not run.method.unfinished(loops.train(run, 1))


def test_a_network_that_drops_columns_is_finished_with_the_last_one() -> None:
    run = loops.run_of(SGD(), DropLinearMethod(share=0.5, steps=7, stop=0.5), epochs=8)
    assert run.method.unfinished(loops.train(run, 20))  # of 48 steps; drops at 7, 14 and 21
    assert not run.method.unfinished(loops.train(run, 1))


def test_what_was_before_a_network_was_pruned_does_not_count_but_growth_is_no_pruning():
    def size(sparsity, live):
        return NetworkSize.of({"sparsity": sparsity, "live_parameters": live})

    assert size(0.7, 30).pruned_from(size(0.5, 50))
    assert not size(0.5, 50).pruned_from(size(0.5, 50))
    assert not size(0.7, 60).pruned_from(size(0.5, 50))  # a new block, of which little is there
    assert NetworkSize.of({"sparsity": 0.7}).pruned_from(NetworkSize.of({"sparsity": 0.5}))
