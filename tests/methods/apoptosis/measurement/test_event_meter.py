"""What counts as an event, and how far the loss is said to have risen, by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import loops
import pytest
import torch

from espalier.core.component import find
from espalier.core.contracts import Method, Optimizer, Run
from espalier.methods.apoptosis.apoptosis_settings import ApoptosisSettings, Deaths
from espalier.methods.apoptosis.apoptosis_turnover import ContinuousTurnover
from espalier.methods.apoptosis.measurement.event_meter import EventMeter, probe_loss


def run_of(method: Method) -> Run:
    built: Optimizer = find("optimizer", "sgd", Optimizer)()
    return loops.run_of(built, method)


def sharpened(run: Run, factor: float) -> None:
    """Other logits, and so another loss."""
    with torch.no_grad():
        run.model[-1].weight.mul_(factor)  # type: ignore[index]


def step(
    meter: EventMeter, run: Run, strategy: Any, factor: float = 1.0, happens: bool = False
) -> None:
    run.step += 1
    with meter.event(run, strategy):
        sharpened(run, factor)
        strategy.apoptosis_events += [run.step] * happens


@pytest.fixture
def run() -> Run:
    return run_of(find("method", "none", Method)())


def test_a_jump_and_the_way_back(run: Run) -> None:
    meter, strategy = (
        EventMeter(pause=2),
        SimpleNamespace(due=True, busy=False, apoptosis_events=[]),
    )
    before = probe_loss(run)
    step(meter, run, strategy, 20.0, happens=True)
    strategy.due, worse = False, probe_loss(run) - before
    assert worse > 0
    for factor in (1.0, 1.0, 0.05, 1.0):  # back two steps before the next look
        step(meter, run, strategy, factor)
    measures = meter.measures()
    assert measures["event_jump"] == measures["event_jump_max"] == pytest.approx(worse)
    assert measures["recovery_steps"] == 4 and measures["unrecovered"] == 0
    assert measures["probe_seconds"] == meter.probing > 0


def test_due_is_no_event_if_nothing_happens(run: Run) -> None:
    meter, strategy = (
        EventMeter(pause=1),
        SimpleNamespace(due=True, busy=False, apoptosis_events=[]),
    )
    step(meter, run, strategy)
    assert meter.measures() == {}
    step(meter, run, strategy, 20.0, happens=True)
    step(meter, run, strategy)  # does not end the event before it
    step(meter, run, strategy, 0.05)
    assert [(spike.step, spike.recovered) for spike in meter.spikes] == [(2, 2)]


def test_what_takes_time_is_an_event_from_its_beginning(run: Run) -> None:
    meter, strategy = EventMeter(pause=1), SimpleNamespace(due=True, busy=True, apoptosis_events=[])
    step(meter, run, strategy)
    strategy.due = False
    step(meter, run, strategy)
    strategy.busy = False
    step(meter, run, strategy, happens=True)
    assert [(spike.step, spike.recovered) for spike in meter.spikes] == [(1, 2)]


def test_small_rates_have_few_events() -> None:
    """0.1 of 5 neurons every 2 steps is one every 4; of 3 it is the first at step 8."""
    run = run_of(
        ContinuousTurnover(
            ApoptosisSettings(maturity=0), rate=0.1, interval=2, deaths=Deaths("mean")
        )
    )
    for each in range(8):
        loops.backward(run.model, each)
        run.optimizer.step()
        run.step += 1
        run.method.after_step(run)
    measures = run.method.measures(run)
    assert (measures["events"], measures["deaths"], measures["births"]) == (2, 3, 3)
