"""What a search for the smallest network that learns has found: table, JSON, CSV and picture."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from espalier.analysis.confidence import interval
from espalier.core import disk_full, strict_json
from espalier.core.atomic_write import atomic_write
from espalier.core.trial import Record
from espalier.report.sweep_plots import save
from espalier.report.table_format import plain_table
from espalier.search.halving import Found, Measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

JSON, CSV, TABLE, PICTURE = "seeds.json", "seeds.csv", "seeds.txt", "seeds.png"
SIZE = (7.0, 5.0)  # inches
EMPTY = '""'
SCORES = ("accuracy", "lowest", "surely", "limit", "p")
COLUMNS = ("size", "epochs", *SCORES, "learns", "front", "lost")
"""Of the CSV, behind the swept symbols; what `record` says of a candidate."""


def front(found: Found) -> list[Measured]:
    """Return those that none as small is as accurate as, of those trained in full."""
    best: list[Measured] = []
    for one in found.full:
        if not one.lost and (not best or one.accuracy > best[-1].accuracy):
            best.append(one)
    return best


def name(one: Measured) -> str:
    """Return a candidate as its symbols have it."""
    return " ".join(f"{symbol}={text or EMPTY}" for symbol, text in one.candidate)


def record(one: Measured, found: Found) -> Record:
    """Return everything about a candidate; shares in [0, 1], `p` corrected where tested."""
    bar, tested = found.bar, one.candidate in found.corrected
    return {
        "candidate": dict(one.candidate),
        "size": strict_json.finite(one.size),
        "epochs": one.epochs,
        "accuracy": one.accuracy,
        "accuracies": [draw.accuracy for draw in one.draws],
        "lowest": min((draw.accuracy for draw in one.draws), default=None),
        "surely": min((draw.low(bar) for draw in one.draws), default=None),
        "limit": max((draw.limit(bar) for draw in one.draws), default=None),
        "p_uncorrected": one.p(bar),
        "p": found.corrected[one.candidate] if tested else None,
        "learns": found.learns(one) if tested else None,
        "front": one in front(found),
        "lost": one.lost,
    }


def as_json(found: Found, size: str) -> Record:
    """Return the whole search, smallest first; nothing in it depends on the time it took."""
    best, below = found.smallest, found.below
    return {
        "size": size,
        "epochs": found.epochs,
        "margin": found.bar.margin,
        "alpha": found.bar.alpha,
        "tests": len(found.every),
        "smallest": record(best, found) if best else None,
        "test_accuracies": list(best.test) if best else None,
        "next_smaller": record(below, found) if below else None,
        "candidates": [record(one, found) for one in found.every],
    }


def as_csv(found: Found) -> str:
    """Return one line a candidate, smallest first."""
    symbols = list(dict.fromkeys(key for one in found.every for key, _ in one.candidate))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(f"CONFIG_{symbol}" for symbol in symbols), *COLUMNS])
    for one in found.every:
        told = record(one, found)
        values = (told["candidate"].get(symbol, "") for symbol in symbols)
        writer.writerow([*values, *(told[column] for column in COLUMNS)])
    return text.getvalue()


def told(found: Found, size: str) -> list[str]:
    """Return a table of all candidates, and what it comes to."""
    heading = [size.replace("_", " "), "candidate", "epochs", "val acc", "lowest", "surely", "p"]
    rows = [[*_cells(one, found), _verdict(one, found)] for one in found.every]
    return [
        plain_table([[*heading, "verdict"], *rows]),
        "val acc: mean over seeds; lowest: the worst seed; surely: what that is above with "
        f"{1 - found.bar.alpha:.0%}; p: of the worst seed and of the mean, by Holm over "
        f"{len(found.every)}",
        "*: none as small is as accurate, of those trained in full",
        *conclusion(found, size),
    ]


def conclusion(found: Found, size: str) -> list[str]:
    """Return the smallest that learns with its neighbour below, or that there is none."""
    best, below = found.smallest, found.below
    if best is None:
        return [f"nothing learns: no candidate is surely above its limit ({_bar(found)})"]
    unit = size.replace("_", " ")
    smaller = [one for one in found.every if one.size < best.size]
    tested = sum(one.epochs == found.epochs for one in smaller)
    lines = [
        f"smallest that learns: {name(best)}: {best.size:g} {unit}; {_scores(best, found)}",
        f"  test accuracy, read for this one only: {_percent(best.test)}",
        f"  smaller: {len(smaller)} candidates, {tested} of them trained in full, none learns",
    ]
    if below is None:
        return [*lines, "  no candidate is smaller, so nothing shows that a smaller one would fail"]
    return [*lines, f"next smaller: {name(below)}: {below.size:g} {unit}; {_scores(below, found)}"]


def _bar(found: Found) -> str:
    margin = f"{100 * found.bar.margin:g} points above the most frequent class"
    return f"{margin}, p < {found.bar.alpha:g} in every seed"


def _scores(one: Measured, found: Found) -> str:
    if one.lost:
        return f"without a score: {one.lost}"
    limit = max(draw.limit(found.bar) for draw in one.draws)
    p = found.corrected.get(one.candidate, 1.0)
    accuracy = _percent([draw.accuracy for draw in one.draws])
    return f"validation accuracy {accuracy}, limit {limit:.1%}: p = {p:.2g}"


def _percent(shares: Sequence[float]) -> str:
    found = interval([100 * share for share in shares])
    if found is None:
        return "n/a"
    width = f" +/- {found.half_width:.2f}" if found.half_width else ""
    return f"{found.mean:.2f}%{width} (n={found.n})"


def _cells(one: Measured, found: Found) -> list[str]:
    head = [f"{one.size:g}", name(one), str(one.epochs)]
    if not one.draws:
        return [*head, *["n/a"] * 4]
    lowest = min(draw.accuracy for draw in one.draws)
    surely = min(draw.low(found.bar) for draw in one.draws)
    p = found.corrected.get(one.candidate)
    shares = (one.accuracy, lowest, surely)
    return [*head, *(f"{share:.1%}" for share in shares), "-" if p is None else f"{p:.2g}"]


def _verdict(one: Measured, found: Found) -> str:
    star = " *" * (one in front(found))
    if one.lost:
        return f"no score: {one.lost}"
    if one.epochs < found.epochs:
        return "dropped"
    return ("learns" if found.learns(one) else "does not learn") + star


def write(found: Found, size: str, folder: Path) -> list[Path]:
    """Write table, JSON, CSV and picture into `folder`; returns the files. Raises UserError."""
    with disk_full.needed(folder):
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write(folder / JSON, json.dumps(as_json(found, size), indent=2) + "\n")
        atomic_write(folder / CSV, as_csv(found))
        atomic_write(folder / TABLE, "\n".join(told(found, size)) + "\n")
    write_picture(found, size, folder / PICTURE)
    return [folder / name for name in (JSON, CSV, TABLE, PICTURE)]


def write_picture(found: Found, size: str, path: Path) -> None:
    """Write accuracy against size. Raises UserError if `path` cannot be written."""
    save(drawn(found, size), path, "--output-dir")


def drawn(found: Found, size: str) -> Figure:
    """Plot a dot a seed and a line through the front; grey for what was dropped."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    panel = figure.subplots()
    known = [one for one in found.every if one.draws and math.isfinite(one.size)]
    for one in known:
        _dots(panel, one, found)
    best = front(found)
    panel.plot([one.size for one in best], [100 * one.accuracy for one in best], color="C1")
    if known:
        limit = fmean(draw.limit(found.bar) for one in known for draw in one.draws)
        panel.axhline(100 * limit, color="C3", linewidth=1)
    if found.smallest is not None:
        panel.axvline(found.smallest.size, color="C2", linewidth=1)
    panel.set_xscale("log")
    panel.set_xlabel(size.replace("_", " "))
    panel.set_ylabel("validation accuracy (%)")
    return figure


def _dots(panel: Axes, one: Measured, found: Found) -> None:
    full = one.epochs == found.epochs
    color = "0.7" if not full else "C2" if found.learns(one) else "C3"
    heights = [100 * draw.accuracy for draw in one.draws]
    panel.plot([one.size] * len(heights), heights, ".", color=color, alpha=0.5)
    panel.plot([one.size], [100 * one.accuracy], "o", color=color)
