"""The loop: what it does at each update, counted by hand."""

import math
from dataclasses import dataclass

import pytest
import torch
from linear_runs import linear_run, trainer
from torch import nn

from espalier.core.contracts import Method, Run
from espalier.core.samples import Split
from espalier.optimizers.published.schedulefree_optimizer import ScheduleFreeOptimizer
from espalier.train.data.splits import batches
from espalier.train.engine.evaluation import evaluate
from espalier.train.engine.trainer import Recipe
from espalier.train.loop import DivergedError, Loop


@dataclass(frozen=True)
class Diary(Method):
    """Writes down each hook with the step it saw."""

    def attach(self, run: Run) -> None:
        run.method_state = []

    def after_backward(self, run: Run) -> None:
        assert all(p.grad is not None for p in run.model.parameters())
        run.method_state.append(("backward", run.step))

    def after_step(self, run: Run) -> None:
        run.method_state.append(("step", run.step))

    def after_epoch(self, run: Run) -> None:
        run.method_state.append(("epoch", run.epoch))

    def check(self, run: Run) -> None:
        run.method_state.append(("check", run.step))

    def measures(self, run: Run) -> dict[str, float]:
        return {"sparsity": 0.25}


def train(run, recipe=None, check=False):
    """The records, or the error at the end, of a run alone."""
    return [outcome for _, outcome in Loop([trainer(run, recipe, check)]).epochs()]


def test_one_epoch_equals_the_updates_written_out():
    run, twin = linear_run(epochs=1), linear_run(epochs=1)
    train(run, Recipe(learning_rate=0.1))
    for step, (x, y) in enumerate(batches([twin])):
        twin.model.zero_grad()
        nn.functional.cross_entropy(twin.model(x), y).backward()
        with torch.no_grad():
            for parameter in twin.model.parameters():
                parameter -= 0.1 * 0.5**step * parameter.grad
    for ours, theirs in zip(run.model.parameters(), twin.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_hooks_see_each_update_once_and_in_order():
    run = linear_run(Diary(), samples=6, epochs=1)
    train(run, check=True)
    expected = []
    for step in (1, 2, 3):  # 6 samples in batches of 2
        expected += [("backward", step - 1), ("step", step), ("check", step)]
    assert run.method_state == [*expected, ("epoch", 1)]


def test_what_is_evaluated_and_kept_is_what_an_optimizer_that_switches_says() -> None:
    run = linear_run(Diary(), samples=6, epochs=2)
    run.optimizer = ScheduleFreeOptimizer(
        run.model.parameters(), 0.1, betas=(0.9, 0.99), eps=1e-8, warmup=0
    )
    records = []
    for ours, record in Loop([trainer(run)]).epochs():
        assert not run.optimizer.param_groups[0]["training"]
        assert record["val_loss"] == evaluate(ours, run.validation)[0]  # of the averages
        records.append(record)
    run.optimizer.train()
    assert evaluate(trainer(run), run.validation)[0] != records[-1]["val_loss"]


def test_checks_run_only_when_debugging():
    run = linear_run(Diary(), epochs=1)
    train(run)
    assert "check" not in {hook for hook, _ in run.method_state}


def test_a_record_an_epoch_with_the_methods_measures():
    run = linear_run(Diary(), samples=6, epochs=2)
    records = train(run, Recipe(learning_rate=0.1))
    assert [(r["epoch"], r["epochs"], r["step"]) for r in records] == [(1, 2, 3), (2, 2, 6)]
    assert records[-1]["lr"] == pytest.approx(0.1 * 0.5**5)
    assert records[-1]["sparsity"] == 0.25


def test_the_training_loss_is_the_mean_of_a_sample_not_of_a_batch():
    run = linear_run(epochs=1)
    with torch.no_grad():
        expected = float(nn.functional.cross_entropy(run.model(run.train.x), run.train.y))
    (record,) = train(run, Recipe(learning_rate=0.0))
    assert record["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_a_loss_that_is_no_number_stops_the_run():
    run = linear_run()
    with torch.no_grad():
        run.model[1].weight.fill_(math.inf)
    (error,) = train(run)
    assert isinstance(error, DivergedError)
    assert str(error) == "training loss is nan in epoch 1"


def test_a_validation_loss_that_is_no_number_stops_the_run_too():
    run = linear_run()
    run.validation = Split(torch.full((3, 1, 2, 2), math.nan), torch.arange(3))
    (error,) = train(run)
    assert str(error) == "validation loss is nan in epoch 1"


def test_compiling_starts_as_in_a_fresh_process(monkeypatch):
    # torch compiles a few variants of a function and then silently stops: a worker's later
    # trials would run uncompiled.
    calls = []
    monkeypatch.setattr(torch.compiler, "reset", lambda: calls.append("reset"))
    monkeypatch.setattr(torch, "compile", lambda module: calls.append("compile") or module)
    for _ in range(2):
        train(linear_run(epochs=1), Recipe(compile=True))
    assert calls == ["reset", "compile"] * 2


def test_clipping_bounds_the_step():
    run = linear_run(epochs=1, samples=2)
    before = [p.detach().clone() for p in run.model.parameters()]
    train(run, Recipe(learning_rate=1.0, grad_clip_norm=0.001))
    moved = [p.detach() - b for p, b in zip(run.model.parameters(), before, strict=True)]
    assert float(torch.cat([m.flatten() for m in moved]).norm()) == pytest.approx(0.001, rel=1e-3)


def test_evaluation_counts_hits_and_weighs_samples():
    run = linear_run()
    with torch.no_grad():
        run.model[1].weight.zero_()
        run.model[1].bias.copy_(torch.tensor([0.0, 1.0, 0.0]))
    split = Split(torch.zeros(4, 1, 2, 2), torch.tensor([1, 1, 1, 0]))
    loss, accuracy = evaluate(trainer(run), split)
    log_sum = math.log(2 + math.e)
    assert accuracy == 75.0
    assert loss == pytest.approx((3 * (log_sum - 1) + log_sum) / 4, rel=1e-6)


def test_mixed_precision_computes_in_the_format_asked_for():
    seen = []
    run = linear_run(epochs=1)
    run.model[1].register_forward_hook(lambda module, args, out: seen.append(out.dtype))
    train(run, Recipe(amp="bf16"))
    assert set(seen) == {torch.bfloat16}
