"""Paired differences of configurations: to the best one, and to their controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from espalier.analysis.comparing.against_baseline import AgainstBaseline
from espalier.analysis.confidence import Interval, t_quantile
from espalier.analysis.controls import Comparison
from espalier.analysis.rank import Configuration, Ranking
from espalier.core.measures import Measure
from espalier.core.trial import Record
from espalier.report.difference_rows import BESIDE_BEST, DifferenceRow, kind_rows, pair_rows
from espalier.report.html.columns import coded, interval_columns
from espalier.report.ranking_rows import difference_to_best, settings

KINDS = 60
"""Kinds of comparisons that a page has; all are in sweep_deltas.json."""


def forest_data(
    ranking: Ranking,
    compared: Sequence[Comparison],
    every: Sequence[Configuration],
    beside: AgainstBaseline | None = None,
) -> Record:
    """Return the differences, each of configuration minus what it is compared with.

    `compared` are those to controls, `beside` those to a baseline that was given.
    """
    places = {id(item): place for place, item in enumerate(every)}
    draws = max((len(item.results) for item in every), default=0)
    return {
        "best": _to_best(ranking, every),
        "beside": None if beside is None else _to_baseline(beside, places),
        "control": _to_controls(compared, places, ranking.measure),
        "kinds": _kinds(compared),
        "t": [round(t_quantile(n), 4) for n in range(1, draws)],
    }


def _to_best(ranking: Ranking, every: Sequence[Configuration]) -> Record:
    """Return for each configuration its difference to the best, in the measure's own direction.

    `words` says what the page writes for each verdict.
    """
    own = [difference_to_best(item, ranking.measure) for item in every]
    words = {str(verdict): text for verdict, text in BESIDE_BEST.items()}
    return {"words": words, **interval_columns(own, ranking.measure)}


def _to_controls(compared: Sequence[Comparison], places: Mapping[int, int], by: Measure) -> Record:
    kinds = coded(f"{item.symbol}={item.value}" for item in compared)
    return {"kind": kinds.codes, "kinds": kinds.texts, **_pairs(compared, places, by)}


def _to_baseline(beside: AgainstBaseline, places: Mapping[int, int]) -> Record:
    return {"label": beside.label, **_pairs(beside.compared, places, beside.by)}


def _pairs(compared: Sequence[Comparison], places: Mapping[int, int], by: Measure) -> Record:
    """Return comparisons as columns; all of them are one family of tests."""
    rows = pair_rows(compared)
    return {
        "arm": [places[id(item.arm)] for item in compared],
        "control": [places[id(item.control)] for item in compared],
        "said": [row.said for row in rows],
        "holm": [int(row.marked) for row in rows],
        **interval_columns([row.difference for row in rows], by),
    }


def _kinds(compared: Sequence[Comparison]) -> list[Record]:
    """Return the mean over configurations for each kind of comparison."""
    return [_kind(row, row.difference) for row in kind_rows(compared)[:KINDS] if row.difference]


def _kind(row: DifferenceRow, mean: Interval) -> Record:
    return {
        "label": " ".join(settings(dict(row.own))),
        "value": row.against[0][1],
        "mean": mean.mean,
        "half": mean.spread,
        "n": mean.n,
        "pairs": row.pairs,
        "said": row.said,
        "holm": int(row.marked),
    }
