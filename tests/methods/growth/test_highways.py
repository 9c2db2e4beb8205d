"""Ways ahead in whole runs: function and counts at every moment, controls, and what is refused."""

from __future__ import annotations

from typing import Any, ClassVar

import loops
import pytest
import torch

from espalier.core.contracts import CannotTrain, Run
from espalier.layers.masked_blocks import Blocks
from espalier.methods.growth.highways import Highways
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule
from espalier.methods.growth.timing.growth_state import GrowthState
from espalier.optimizers.adamw import AdamW

MOMENTS = GrowthSchedule(events=5, stop=0.8)


def network(seed: int = 0) -> Blocks:
    """A hot unit in node 1, and three dead ones in each node behind it."""
    torch.manual_seed(seed)
    net = Blocks((16, 9, 9, 9, 4))
    net.draw(0.6)
    with torch.no_grad():
        net.block(0, 1).weight[0].mul_(30)
        net.block(1, 2).weight[:, 0].div_(30)
        for node in (2, 3):
            bias = net.block(node - 1, node).bias
            assert bias is not None
            bias[:3] = -1e3
    return net.double()


def run_of(seed: int = 0, cls: type[Highways] = Highways, **fields: Any) -> Run:
    method = cls(**{"schedule": MOMENTS, "targets": 2, **fields})
    run: Run = loops.run_of(AdamW(), method, model=network(seed), epochs=8)
    for split in (run.train, run.validation):
        object.__setattr__(split, "x", split.x.double())
    return run


def trained(run: Run, steps: int = 45) -> Run:
    for _ in range(steps):
        stepped(run)
    return run


def stepped(run: Run) -> None:
    x, y = loops.batch(run.step)
    run.model.zero_grad()
    torch.nn.functional.cross_entropy(run.model(x.double()), y).backward()
    run.method.after_backward(run)
    run.optimizer.step()
    run.step += 1
    run.method.after_step(run)
    run.method.check(run)


class Watched(Highways):
    """Writes down by how much each moment changes the logits of the training samples."""

    jumps: ClassVar[list[float]] = []

    def act(self, run: Run, max_edges: int) -> None:
        with torch.no_grad():
            before = run.model(run.train.x)
            super().act(run, max_edges)
            self.jumps.append(float((run.model(run.train.x) - before).abs().max()))


@pytest.mark.parametrize("where", ["extrema", "random", "scattered"])
def test_what_the_network_computes_stays_at_every_moment(where: Any) -> None:
    Watched.jumps.clear()
    run = trained(run_of(cls=Watched, where=where))
    assert len(Watched.jumps) == 5 and max(Watched.jumps) < 1e-6
    assert run.method.measures(run)["edges_added"] > 0


def test_highways_are_made_of_dead_units_and_dead_units_become_fewer() -> None:
    run = trained(run_of())
    measures = run.method.measures(run)
    assert measures["highways"] > 0
    assert measures["dead_units_left"] <= measures["dead_units_found"] - 2 * measures["highways"]
    events = run.method_state.editor.events
    built = [event for event in events if event.op == "highway"]
    assert len(built) == measures["highways"]
    assert all(event.parents[0][0] == 1 and len(event.units) == 2 for event in built)
    sources = [event.parents[0] for event in events]
    assert len(set(sources)) == len(sources)  # each once
    assert isinstance(measures["grown_worth"], float)


def test_controls_add_as_many_edges() -> None:
    runs = {
        w: run_of(where=w, schedule=GrowthSchedule(1, 0.3))
        for w in ("extrema", "random", "scattered")
    }
    for run in runs.values():
        trained(run, 20)
    added = {w: run.method.measures(run)["edges_added"] for w, run in runs.items()}
    live = {w: run.method_state.net.live for w, run in runs.items()}
    assert len(set(added.values())) == 1 and added["extrema"] > 0
    assert len(set(live.values())) == 1
    assert {event.op for event in runs["scattered"].method_state.editor.events} <= {
        "add_edges",
        "drop_edges",
    }


def test_bounds_hold_at_each_moment() -> None:
    run = run_of(kind="clones", reach=None, count=2, edges=5)
    state: GrowthState = run.method_state
    for _ in range(45):
        events_before = len(state.editor.events)
        stepped(run)
        new = state.editor.events[events_before:]
        assert len(new) <= 2 and sum(event.added for event in new) <= 5
        assert all(event.op == "clone" for event in new)
    assert run.method.measures(run)["highways"] == 0


@pytest.mark.parametrize(("kind", "reach", "hidden"), [("both", 2, 2), ("clones", None, 1)])
def test_too_few_layers_are_told(kind: Any, reach: int | None, hidden: int) -> None:
    net = Blocks((16, *[5] * hidden, 4))
    net.draw(0.5)
    with pytest.raises(CannotTrain, match=f"CONFIG_HIGHWAYS_KIND={kind} leads over"):
        loops.run_of(AdamW(), Highways(kind=kind, reach=reach), model=net)
