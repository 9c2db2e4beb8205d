"""Lottery tickets: rounds of a run that goes back, against the same written anew."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import loops
import numpy as np
import pytest
import reference_pruning
import torch
from method_pairs import PLAN
from reference_pruning import STEPS, Array, Reference

from espalier.core.contracts import CannotTrain, Run
from espalier.core.run_length import RunLength
from espalier.lr_schedules.cosine import Cosine
from espalier.methods.pruning.magnitude import Magnitude
from espalier.methods.pruning.movement import Movement
from espalier.methods.pruning.pruning_method import PruningMethod
from espalier.methods.pruning.pruning_schedule import PruningPlan, RoundTimes
from espalier.methods.pruning.snip import Snip
from espalier.optimizers.adamw import AdamW

TICKETS = PruningPlan(
    target=0.8, timing="rounds", rounds=3, rewind="weights", rewind_step=0, allocation="global"
)
LATER = replace(TICKETS, rewind_step=8)  # (96 - 8) / 4 = 22 updates follow each time


def magnitudes(reference: Reference) -> list[Array]:
    return [np.abs(w) for w in reference.matrices]


def tickets(back: int, ends: tuple[int, ...]) -> Reference:
    """Iterative magnitude pruning: after each end prune, then go back to step `back`."""
    reference = Reference.of(reference_pruning.network())
    kept: list[Any] = []
    for step in range(STEPS):
        if step == back:
            kept = copy.deepcopy([reference.weights, reference.momenta])
        if step in ends:
            done = ends.index(step) + 1
            reference.prune(magnitudes(reference), 1 - 0.2 ** (done / len(ends)))
            reference.weights, reference.momenta = copy.deepcopy(kept)
            reference.zero()
        reference.update(step)
    return reference


@pytest.mark.parametrize(
    ("plan", "back", "ends"), [(TICKETS, 0, (24, 48, 72)), (LATER, 8, (30, 52, 74))]
)
def test_a_run_is_that_of_its_rule(plan: PruningPlan, back: int, ends: tuple[int, ...]) -> None:
    run = reference_pruning.train(reference_pruning.run_of(Magnitude(plan)), STEPS)
    reference_pruning.assert_same(run, tickets(back, ends))
    assert run.method.measures(run)["discarded_updates"] == 3 * (ends[1] - ends[0])
    assert run.method_state.masks.pruned == SIZE_PRUNED
    assert not run.method.unfinished(run) and run.method.changes(run) == 3


SIZE_PRUNED = reference_pruning.SIZE - 24  # 0.2 of 120


@pytest.mark.parametrize("rewind_step", [0, 4])
def test_state_of_the_optimizer_and_buffers_go_back_bit_for_bit(rewind_step: int) -> None:
    """The first update after going back is that of step `rewind_step`, with masks."""
    plan = PruningPlan(
        target=0.5, timing="rounds", rounds=1, rewind="weights", rewind_step=rewind_step
    )
    run = loops.run_of(AdamW(), Magnitude(plan), epochs=4)  # 24 updates
    end = (24 + rewind_step) // 2
    early = loops.train(loops.run_of(AdamW(), Magnitude(PLAN)), rewind_step)
    loops.train(run, end)
    assert loops.same(run.model.buffers(), early.model.buffers())
    keep = iter(run.method_state.masks.keep)
    for ours, theirs in zip(run.model.parameters(), early.model.parameters(), strict=True):
        masked = ours.ndim > 1
        live = next(keep) if masked else torch.ones_like(ours)
        assert torch.equal(ours, theirs * live)
        before, after = early.optimizer.state[theirs], run.optimizer.state[ours]
        assert before.keys() == after.keys()
        for name, value in before.items():
            here = value * live if value.shape == live.shape else value
            assert torch.equal(after[name], here)


@pytest.mark.parametrize(
    "method", [Magnitude(LATER), Movement(LATER), Movement(LATER, "displacement"), Snip(LATER)]
)
@pytest.mark.parametrize("steps", [4, 20, 40])  # before the point, before and after an end
def test_going_on_from_a_saved_state_is_exact(method: PruningMethod, steps: int) -> None:
    def start() -> Run:
        return loops.run_of(AdamW(), method, epochs=16)

    straight = loops.train(start(), 80)
    second = loops.resume(start(), loops.train(start(), steps))
    loops.train(second, 80 - steps)
    assert loops.same(loops.values(straight.model), loops.values(second.model))
    assert straight.method.measures(straight) == second.method.measures(second)


def test_the_learning_rate_goes_back_and_ends_where_that_of_each_round_ends() -> None:
    run = reference_pruning.run_of(Magnitude(replace(LATER, rewind="learning_rate", rewind_step=6)))
    # (96 - 6) / 4 = 22 updates, and 2 left over for the last round: 6 + 24 updates are 5 epochs
    seen = []
    for run.step in (0, 27, 28, 50, 72, 95):
        seen.append(run.method.rate_position(run))
    assert seen == [(0, 5), (27, 5), (6, 5), (6, 5), (6, 5), (29, 5)]
    assert Cosine(min_factor=0.0).factor(15, 6, 5) == 0.5
    assert "discarded_updates" not in run.method.measures(run)


def test_without_rewinding_the_schedule_is_that_of_the_run() -> None:
    run = reference_pruning.run_of(Magnitude(replace(TICKETS, rewind="nothing")))
    run.step = 50
    assert run.method.rate_position(run) == (50, 16)
    assert run.method.packable and not Magnitude(TICKETS).packable


def test_rounds_that_have_no_room_are_refused() -> None:
    plan = replace(LATER, rewind_step=93)
    with pytest.raises(CannotTrain, match="need 4 updates after step 93, and the run has 96"):
        plan.check_length(RunLength(16, 6))
    replace(LATER, rewind_step=92).check_length(RunLength(16, 6))


def test_what_is_left_over_belongs_to_the_last_round() -> None:
    times = RoundTimes(total=23, rounds=3, back=3)
    assert (times.span, times.ends, times.longest) == (5, (8, 13, 18), 8)
    assert [times.position(step) for step in (7, 8, 12, 13, 22)] == [7, 3, 7, 3, 7]
