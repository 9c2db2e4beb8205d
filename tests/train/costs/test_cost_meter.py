"""The operations of whole runs, against sums worked out update by update."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import packing
import pytest
import torch
from packing import Values, varied
from torch import Tensor, nn
from trial_tasks import killed_after, small_task, snapshot_task

from espalier.core.trial import Record
from espalier.train import loop, worker_entry
from espalier.train.costs.cost_meter import CostMeter


class CountsWeights:
    """A loop's program that sums operations by the weights of linear layers that are not 0."""

    total = 0
    dense = 0

    def __init__(self, program: loop.Program, model: nn.Module) -> None:
        self.program, self.model = program, model

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        layers = [m.weight for m in self.model.modules() if isinstance(m, nn.Linear)]
        live = [int(torch.count_nonzero(weight)) for weight in layers]
        CountsWeights.total += len(y) * (6 * sum(live) - 2 * live[0])
        sizes = [weight.numel() for weight in layers]
        CountsWeights.dense += len(y) * (6 * sum(sizes) - 2 * sizes[0])
        return self.program.backward(x, y)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.program, name)


def trained(values: Values, monkeypatch: pytest.MonkeyPatch) -> Record:
    """Train an MLP; return its measures. The sums by hand are in `CountsWeights`."""
    monkeypatch.setattr(CountsWeights, "total", 0)
    monkeypatch.setattr(CountsWeights, "dense", 0)
    trainer = packing.trainer(values, packing.mlp)
    make = loop.make_program
    with monkeypatch.context() as patch:
        patch.setattr(loop, "make_program", lambda t: CountsWeights(make(t), t[0].run.model))
        for _ in loop.Loop([trainer]).epochs():
            pass
    assert trainer.run.costs is not None
    return dict(trainer.run.costs.measures(trainer.run))


@pytest.mark.parametrize("method", ["none", "magnitude"])
def test_the_total_is_the_sum_over_updates(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 updates, in which masks change at each event of pruning."""
    values = varied({"OPTIMIZER": "adamw", "PRUNING_METHOD": method}, 0, NUM_EPOCHS="20")
    measures = trained(values, monkeypatch)
    assert measures["flops_total"] == CountsWeights.total
    assert measures["flops_dense_total"] == CountsWeights.dense
    assert (measures["flops_total"] < measures["flops_dense_total"]) == (method != "none")


def test_what_a_criterion_watches_is_no_product_of_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Wanda's hooks multiply too, while the network is first looked at."""
    values = varied({"OPTIMIZER": "adamw", "PRUNING_METHOD": "wanda", "PRUNING_TIMING": "start"}, 0)
    plain = varied({"OPTIMIZER": "adamw", "PRUNING_METHOD": "none"}, 0)
    wanda, none = trained(values, monkeypatch), trained(plain, monkeypatch)
    assert wanda["flops_dense_forward"] == none["flops_dense_forward"]
    assert wanda["flops_dense_backward"] == none["flops_dense_backward"]


@pytest.mark.parametrize("method", ["static", "set"])
def test_rewiring_costs_what_is_live(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newborn weights of SET are 0 until their first update: counted by hand from densities."""
    values = varied({"OPTIMIZER": "sgd", "PRUNING_METHOD": method}, 0, NUM_EPOCHS="20")
    measures = trained(values, monkeypatch)
    updates = measures["flops_update"] * 40 * 20 // 4
    assert measures["flops_total"] == updates < measures["flops_dense_total"]
    assert measures["flops_dense_total"] == CountsWeights.dense


@pytest.mark.parametrize("method", ["nm", "topkast"])
def test_gradients_of_masked_weights_that_are_trained_count(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2 operations of a masked weight and a sample: all with N:M, the share M with Top-KAST."""
    values = varied({"OPTIMIZER": "adamw", "PRUNING_METHOD": method}, 0, NUM_EPOCHS="5")
    measures = trained(values, monkeypatch)
    size = sum(m.weight.numel() for m in packing.mlp().modules() if isinstance(m, nn.Linear))
    masked = size - measures["flops_forward"] // 2
    if method == "topkast":
        density, more = float(values["SPARSE_DENSITY"]), float(values["TOPKAST_MORE"])
        masked = round((density + more) * size) - round(density * size)
    samples = 5 * packing.SAMPLES
    assert masked > 0
    assert measures["flops_total"] == CountsWeights.total + 2 * masked * samples
    assert measures["flops_update"] == measures["flops_total"] // samples * int(
        values["BATCH_SIZE"]
    )


def test_gradients_of_a_batch_that_rigl_draws_count(monkeypatch: pytest.MonkeyPatch) -> None:
    values = varied({"OPTIMIZER": "sgd", "PRUNING_METHOD": "rigl"}, 0, NUM_EPOCHS="20")
    measures = trained(values, monkeypatch)
    extra = measures["flops_dense_total"] - CountsWeights.dense
    update = measures["flops_dense_update"]
    assert extra > 0 and extra % update == 0  # a batch an event


def test_criterion_batches_count_on_the_network_before_its_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wishes = {"OPTIMIZER": "adamw", "PRUNING_METHOD": "snip", "CRITERION_BATCHES": "2"}
    values = varied(wishes, 0, NUM_EPOCHS="20")
    measures = trained(values, monkeypatch)
    extra = measures["flops_dense_total"] - CountsWeights.dense
    assert extra and extra % measures["flops_dense_update"] == 0
    assert measures["flops_total"] - CountsWeights.total <= extra


def test_bytes_are_those_of_all_tensors() -> None:
    trainer = packing.trainer(
        varied({"OPTIMIZER": "adam", "PRUNING_METHOD": "none"}, 0), packing.mlp
    )
    assert trainer.run.costs is not None
    assert trainer.run.costs.measures(trainer.run)["bytes_state"] == 0
    packing.train([trainer])
    measures = trainer.run.costs.measures(trainer.run)
    parameters = list(trainer.run.model.parameters())
    assert measures["bytes_weights"] == 8 * sum(p.numel() for p in parameters)
    state = 2 * measures["bytes_weights"]
    assert state <= measures["bytes_state"] <= state + 8 * len(parameters)  # and counts of steps


def test_a_cut_run_costs_what_a_whole_one_does(tmp_path: Path) -> None:
    whole = worker_entry.train_trial(small_task())
    cut = snapshot_task(tmp_path)
    killed_after(2, cut)
    again = worker_entry.train_trial(cut)
    names = [name for name in whole.measures if name.startswith(("flops_", "bytes_"))]
    assert len(names) == 10
    assert {name: again.measures[name] for name in names} == {
        name: whole.measures[name] for name in names
    }


def test_nothing_is_counted_anew_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    original = CostMeter._close_masks
    monkeypatch.setattr(
        CostMeter, "_close_masks", lambda self: (looks.append(1), original(self))[1]
    )
    trainer = packing.trainer(
        varied({"OPTIMIZER": "adam", "PRUNING_METHOD": "none"}, 0), packing.mlp
    )
    packing.train([trainer])
    assert len(looks) <= 4  # once at the beginning, and where they are read
