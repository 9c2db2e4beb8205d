"""The page of what was measured, docs/benchmarks.md, from the records of the programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from measuring import HEAD, Record, row, shown

INTRODUCTION = """# Benchmarks

`make bench` and `make bench-gpu` write this page from what they measured; do not edit it. The
records are in `benchmarks/results/`. The programs beside them say how each figure comes about, and
`make bench BENCH=<name>` measures one of them again.

A value is the median of n; min and max are the smallest and the largest of them. The candidates of
a program are measured in turn, and a ratio is taken within each turn. Trust ratios rather than
times: the machines are shared with others. `load` is that of the machine over the last minute of
the program, its own part included.
"""
EMPTY = "\nNothing has been measured yet.\n"
HEADLINES = (  # program, its figure, and what that is in plain words
    ("quick_start", "whole", "the README's quick start: 36 trials from nothing to the report"),
    ("plan_10k", "sweep-generate, 10,000 trials", "a plan of 10,000 trials"),
    ("harness_overhead", "espalier, 1 worker", "what a trial costs beyond its training"),
    (
        "script_overhead",
        "added to a Python script",
        "what a trial costs beyond a script of one's own",
    ),
    (
        "pack_sweep",
        "packs against a process a trial, plain PyTorch",
        "32 small trials in packs: times as fast as one process of plain PyTorch for each",
    ),
    ("pack_sweep", "packs against Ray Tune, 2 CPUs", "the same, against Ray Tune"),
    ("pack_sweep", "packs against Optuna, 2 processes", "the same, against Optuna"),
    ("pack_sweep", "steady: against warm workers (PACK=1)", "updates a second, against PACK=1"),
    ("pack_equality", "largest difference of all", "how far packs change any result"),
    ("kill_nine", "faults", "faults of a sweep that is killed at random times"),
    (
        "adamwprune_step",
        "added to a training step of AdamW",
        "what AdamWPrune adds to a training step of ResNet-18 with AdamW",
    ),
    (
        "dendrites_layer",
        "ours against masked dense",
        "a dendritic layer: times as fast as masked dense layers",
    ),
    (
        "sparse_training",
        "rigl - static, weights as in the dense network",
        "RigL over edges that stay, test accuracy on the digits",
    ),
    (
        "cliff_rescue",
        "rescue ratio, gradient",
        "growth from 5 to 20 % density: share of the gap to a start at 20 % that it closes",
    ),
    (
        "apoptosis_jump",
        "standard / functional, at once",
        "deaths that keep the function: times less change of the loss at an event",
    ),
    (
        "apoptosis_table",
        "stationary, val_loss: apoptosis_functional by grad_activation - none",
        "such apoptosis minus no method, validation loss; events up to the end",
    ),
    (
        "verdict_null",
        "normal, 20 equal: a given one called behind in a race",
        "a race of 20 equal ones, looked at after every seed: a given one is called behind",
    ),
    (
        "verdict_power",
        "apoptosis, one text: trials over 20 seeds, to the cap",
        "a race of 20 arms on measured gaps: trials, in those of 20 seeds each",
    ),
)


def write(records: Iterable[Record], path: Path, order: Sequence[str]) -> None:
    """Write the page; programs in `order`, machines as they come."""
    path.write_text(text(records, order), encoding="utf-8")


def text(records: Iterable[Record], order: Sequence[str]) -> str:
    """The page."""
    machines = [
        (name, sorted(group, key=lambda record: order.index(record["name"].partition(".")[0])))
        for name, group in groupby(records, lambda record: str(record["machine"]["name"]))
    ]
    parts = [write(*machine) for write in (_summary, _machine) for machine in machines]
    return "\n".join([INTRODUCTION, *parts]) if machines else INTRODUCTION + EMPTY


def _summary(machine: str, records: list[Record]) -> str:
    """The headlines that were measured on a machine, and the goals that were missed there."""
    figures = {(r["name"], f["what"]): row(f) for r in records for f in r["figures"]}
    table = [
        (words, *figures[program, what][1:6], program)
        for program, what, words in HEADLINES
        if (program, what) in figures
    ]
    goals = [(record["name"], f) for record in records for f in record["figures"] if f["goal"]]
    missed = [_missed(name, figure) for name, figure in goals if not figure["met"]]
    met = f"{len(goals) - len(missed)} of {len(goals)} goals are met"
    return "\n".join(
        [
            f"## In short: {machine}\n",
            _table(("what", *HEAD[1:6], "program"), table),
            f"{met}, all but these:\n" if missed else f"{met}.\n",
            "".join(missed),
        ]
    )


def _missed(program: str, figure: Record) -> str:
    value = f"{shown(figure['value'])} {figure['unit']}".strip()
    return f"* {program}, {figure['what']}: {value}; goal {figure['goal']}\n"


def _machine(name: str, records: list[Record]) -> str:
    goals = [
        (record["name"], *row(figure))
        for record in records
        for figure in record["figures"]
        if figure["goal"]
    ]
    table = _table(("program", *HEAD), goals) if goals else "No goals.\n"
    return "\n".join([f"## {name}\n", table, *map(_program, records)])


def _program(record: Record) -> str:
    rows = [row(figure)[:6] for figure in record["figures"]]
    notes = "".join(f"* {note}\n" for note in record["notes"])
    return "\n".join(
        [f"### {record['name']}\n", f"{record['about']}\n", _table(HEAD[:6], rows), notes]
        + [_origin(record)]
    )


def _origin(record: Record) -> str:
    """When, with what and by which code."""
    code, versions = record["code"], record["versions"]
    commit = (code["commit"][:7] or "unknown commit") + " with changes" * bool(code["modified"])
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items())
    day = record["when"][:10]
    return f"{day}, {commit}, {record['seconds']:.0f} s, load {record['load']}; {libraries}.\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    align = [
        "---" if name in ("program", "what", "unit", "goal", "met") else "---:" for name in head
    ]
    lines = [head, align, *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
