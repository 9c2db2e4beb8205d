"""The report of a search for the smallest network that learns: table, JSON, CSV, picture."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from espalier.analysis.confidence import interval
from espalier.core import strict_json
from espalier.core.atomic_write import atomic_write
from espalier.core.process import disk_full
from espalier.core.trial import Record
from espalier.report.figures.axis_names import AxisNames
from espalier.report.figures.figure_input import SEEDS
from espalier.report.figures.figure_kinds import lay_out, write_figure
from espalier.report.figures.figure_style import STYLES, USUAL
from espalier.report.figures.kinds.seed_finder_figure import draw_search, read_search
from espalier.report.table_format import plain_table
from espalier.report.templates import render
from espalier.search.halving import CandidateScore, HalvingResult

JSON, CSV, TABLE, PICTURE = SEEDS, "seeds.csv", "seeds.txt", "seeds.png"
EMPTY = '""'
SCORES = ("accuracy", "lowest", "surely", "limit", "p")
COLUMNS = ("size", "epochs", *SCORES, "learns", "front", "lost")
"""Of the CSV, behind the swept symbols; what `candidate_record` says of a candidate."""


def front(result: HalvingResult) -> list[CandidateScore]:
    """Return those that none as small is as accurate as, of those trained in full."""
    best: list[CandidateScore] = []
    for score in result.full:
        if not score.lost and (not best or score.accuracy > best[-1].accuracy):
            best.append(score)
    return best


def candidate_name(score: CandidateScore) -> str:
    """Return a candidate as its symbols have it."""
    return " ".join(f"{symbol}={text or EMPTY}" for symbol, text in score.candidate)


def candidate_record(score: CandidateScore, result: HalvingResult) -> Record:
    """Return everything about a candidate; shares in [0, 1], `p` corrected where tested."""
    bar, tested = result.bar, score.candidate in result.corrected
    return {
        "candidate": dict(score.candidate),
        "size": strict_json.finite(score.size),
        "epochs": score.epochs,
        "accuracy": score.accuracy,
        "accuracies": [draw.accuracy for draw in score.draws],
        "lowest": min((draw.accuracy for draw in score.draws), default=None),
        "surely": min((draw.low(bar) for draw in score.draws), default=None),
        "limit": max((draw.limit(bar) for draw in score.draws), default=None),
        "p_uncorrected": score.p(bar),
        "p": result.corrected[score.candidate] if tested else None,
        "learns": result.learns(score) if tested else None,
        "front": score in front(result),
        "lost": score.lost,
    }


def as_json(result: HalvingResult, size: str) -> Record:
    """Return the whole search, smallest first; nothing in it depends on the time it took."""
    best, below = result.smallest, result.below
    return {
        "size": size,
        "epochs": result.epochs,
        "margin": result.bar.margin,
        "alpha": result.bar.alpha,
        "tests": len(result.every),
        "smallest": candidate_record(best, result) if best else None,
        "test_accuracies": list(best.test) if best else None,
        "next_smaller": candidate_record(below, result) if below else None,
        "candidates": [candidate_record(score, result) for score in result.every],
    }


def as_csv(result: HalvingResult) -> str:
    """Return one line a candidate, smallest first."""
    symbols = list(dict.fromkeys(key for score in result.every for key, _ in score.candidate))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(f"CONFIG_{symbol}" for symbol in symbols), *COLUMNS])
    for score in result.every:
        values_of = candidate_record(score, result)
        values = (values_of["candidate"].get(symbol, "") for symbol in symbols)
        writer.writerow([*values, *(values_of[column] for column in COLUMNS)])
    return text.getvalue()


def render_seeds(result: HalvingResult, size: str) -> str:
    """Return a table of all candidates, and the smallest that learns with its neighbour below."""
    best, unit = result.smallest, size.replace("_", " ")
    heading = [unit, "candidate", "epochs", "val acc", "lowest", "surely", "p", "verdict"]
    rows = [[*_cells(score, result), _verdict(score, result)] for score in result.every]
    smaller = [score for score in result.every if best and score.size < best.size]
    return render(
        "seeds.txt",
        table=plain_table([heading, *rows]),
        unit=unit,
        bar=result.bar,
        result=result,
        best=best,
        below=result.below,
        smaller=smaller,
        tested=sum(score.epochs == result.epochs for score in smaller),
        name=candidate_name,
        scores=_scores,
        percent=_percent,
    )


def _scores(score: CandidateScore, result: HalvingResult) -> str:
    if score.lost:
        return f"without a score: {score.lost}"
    limit = max(draw.limit(result.bar) for draw in score.draws)
    p = result.corrected.get(score.candidate, 1.0)
    accuracy = _percent([draw.accuracy for draw in score.draws])
    return f"validation accuracy {accuracy}, limit {limit:.1%}: p = {p:.2g}"


def _percent(shares: Sequence[float]) -> str:
    mean = interval([100 * share for share in shares])
    if mean is None:
        return "n/a"
    width = f" +/- {mean.half_width:.2f}" if mean.half_width else ""
    return f"{mean.mean:.2f}%{width} (n={mean.n})"


def _cells(score: CandidateScore, result: HalvingResult) -> list[str]:
    head = [f"{score.size:g}", candidate_name(score), str(score.epochs)]
    if not score.draws:
        return [*head, *["n/a"] * 4]
    lowest = min(draw.accuracy for draw in score.draws)
    surely = min(draw.low(result.bar) for draw in score.draws)
    p = result.corrected.get(score.candidate)
    shares = (score.accuracy, lowest, surely)
    return [*head, *(f"{share:.1%}" for share in shares), "-" if p is None else f"{p:.2g}"]


def _verdict(score: CandidateScore, result: HalvingResult) -> str:
    star = " *" * (score in front(result))
    if score.lost:
        return f"no score: {score.lost}"
    if score.epochs < result.epochs:
        return "dropped"
    return ("learns" if result.learns(score) else "does not learn") + star


def write(result: HalvingResult, size: str, folder: Path) -> list[Path]:
    """Write table, JSON, CSV and picture into `folder`; returns the files. Raises UserError."""
    record = as_json(result, size)
    with disk_full.reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write(folder / JSON, json.dumps(record, indent=2) + "\n")
        atomic_write(folder / CSV, as_csv(result))
        atomic_write(folder / TABLE, render_seeds(result, size))
    style = STYLES[USUAL]
    drawn = lay_out(lambda: draw_search(read_search(record), AxisNames(), style), style)
    write_figure(drawn, folder / PICTURE, style, "--output-dir")
    return [folder / name for name in (JSON, CSV, TABLE, PICTURE)]
