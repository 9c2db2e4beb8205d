"""The report of a chain: how far every arm grew, how good it is, and what the start was worth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from espalier.analysis.confidence import Interval, interval
from espalier.core.atomic_write import atomic_write
from espalier.core.process import disk_full
from espalier.core.trial import Record
from espalier.report.table_format import plain_table
from espalier.report.templates import render
from espalier.search.chains.chain_plan import SCORES, ChainArm, Growth, StartEffect, start_effects

JSON, TABLE = "chain.json", "chain.txt"
SHAPE = ("growth_events", "layers", "live_edges")
"""What trials report of how far they grew."""
HEADING = (
    "growth",
    "weights",
    "n",
    *(name.replace("_", " ") for name in SHAPE),
    "val acc",
    "test acc",
)
NOTHING = "n/a"


def render_chain(smallest: str, edges: float, every: Sequence[ChainArm]) -> str:
    """Return the table of all arms and the effects of the start.

    `smallest` is the name of the network that the chain began with, `edges` its live edges.
    """
    rows = [_cells(arm) for arm in every]
    return render(
        "chain.txt",
        smallest=smallest,
        edges=edges,
        table=plain_table([list(HEADING), *rows]),
        effects=[(_growth_text(e.growth), e, _text(e.difference)) for e in start_effects(every)],
        lost=[
            item for arm in every for item in arm.trials.values() if item.measure(SCORES[0]) is None
        ],
    )


def as_json(smallest: str, edges: float, every: Sequence[ChainArm]) -> Record:
    """Return everything that the table says, and the numbers of each seed."""
    return {
        "smallest": smallest,
        "edges": edges,
        "arms": [_arm_record(arm) for arm in every],
        "effects": [_effect_record(effect) for effect in start_effects(every)],
    }


def write(smallest: str, edges: float, every: Sequence[ChainArm], folder: Path) -> list[Path]:
    """Write table and JSON into `folder`; return the files. Raises UserError."""
    with disk_full.reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write(folder / JSON, json.dumps(as_json(smallest, edges, every), indent=2) + "\n")
        atomic_write(folder / TABLE, render_chain(smallest, edges, every))
    return [folder / name for name in (JSON, TABLE)]


def _arm_record(arm: ChainArm) -> Record:
    return {
        "growth": dict(arm.growth),
        "weights": _weights_text(arm),
        **{name: arm.values(name) for name in (*SHAPE, *SCORES)},
    }


def _effect_record(effect: StartEffect) -> Record:
    each = effect.difference
    return {
        "growth": dict(effect.growth),
        "measure": effect.measure,
        "n": each.n if each else 0,
        "mean": each.mean if each else None,
        "half_width": each.half_width if each else None,
        "p": effect.p,
    }


def _cells(arm: ChainArm) -> list[str]:
    shape = [interval([*arm.values(name).values()]) for name in SHAPE]
    scores = [interval([*arm.values(name).values()]) for name in SCORES]
    counts = [NOTHING if each is None else f"{each.mean:g}" for each in shape]
    passed = str(len(arm.values(SCORES[0])))
    return [_growth_text(arm.growth), _weights_text(arm), passed, *counts, *map(_text, scores)]


def _growth_text(growth: Growth) -> str:
    return " ".join(f"{name}={value}" for name, value in growth) or "as configured"


def _weights_text(arm: ChainArm) -> str:
    return "trained" if arm.is_trained else "fresh"


def _text(each: Interval | None) -> str:
    if each is None:
        return NOTHING
    width = f" +/- {each.half_width:.2f}" if each.half_width is not None else ""
    return f"{each.mean:.2f}{width}"
