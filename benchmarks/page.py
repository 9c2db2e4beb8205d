"""The page of what was measured, docs/benchmarks.md, from the records of the programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from measuring import HEAD, Record, row

INTRODUCTION = """# Benchmarks

Written by `make bench` and `make bench-gpu` from what they measured; do not edit. The records are
in `benchmarks/results/`, the programs beside it say how each figure comes about, and
`make bench BENCH=<name>` measures one of them again.

Values are medians of n, with the smallest and the largest. Candidates of one program are measured
in turn, and a ratio is taken within each turn, so trust ratios rather than times: the machines are
shared with others. `load` is that of the machine over the last minute of the program, its own part
included.
"""
EMPTY = "\nNothing has been measured yet.\n"


def write(records: Iterable[Record], path: Path, order: Sequence[str]) -> None:
    """Write the page; programs in `order`, machines as they come."""
    path.write_text(text(records, order))


def text(records: Iterable[Record], order: Sequence[str]) -> str:
    """The page."""
    machines = [
        (name, sorted(group, key=lambda record: order.index(record["name"])))
        for name, group in groupby(records, lambda record: str(record["machine"]["name"]))
    ]
    parts = [INTRODUCTION] + [_machine(name, group) for name, group in machines]
    return "\n".join(parts) if machines else INTRODUCTION + EMPTY


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
    known = ", ".join(f"{name} {version}" for name, version in versions.items())
    day = record["when"][:10]
    return f"{day}, {commit}, {record['seconds']:.0f} s, load {record['load']}; {known}.\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    align = [
        "---" if name in ("program", "what", "unit", "goal", "met") else "---:" for name in head
    ]
    lines = [head, align, *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
