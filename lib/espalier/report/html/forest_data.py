"""Paired differences of configurations: to the best one, and to their controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from espalier.analysis.comparing.against_baseline import AgainstBaseline
from espalier.analysis.confidence import t_quantile
from espalier.analysis.control_deltas import deltas
from espalier.analysis.controls import Comparison
from espalier.analysis.multiple_tests import survives
from espalier.analysis.rank import Configuration, Ranking
from espalier.core.measures import Measure
from espalier.core.trial import Record
from espalier.report.controls_report import Corrections, delta_kind, describe_verdict
from espalier.report.html.columns import coded, interval_columns
from espalier.report.ranking_rows import difference_to_best

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
    """Return for each configuration its difference to the best, in the measure's own direction."""
    own = [difference_to_best(item, ranking.measure) for item in every]
    return interval_columns(own, ranking.measure)


def _to_controls(compared: Sequence[Comparison], places: Mapping[int, int], by: Measure) -> Record:
    kinds = coded(f"{item.symbol}={item.value}" for item in compared)
    return {"kind": kinds.codes, "kinds": kinds.texts, **_pairs(compared, places, by)}


def _to_baseline(beside: AgainstBaseline, places: Mapping[int, int]) -> Record:
    return {"label": str(beside.arm), **_pairs(beside.compared, places, beside.by)}


def _pairs(compared: Sequence[Comparison], places: Mapping[int, int], by: Measure) -> Record:
    """Return comparisons as columns; all of them are one family of tests."""
    ends = [item.at_end for item in compared]
    p_values = Corrections.of(compared, []).ends
    return {
        "arm": [places[id(item.arm)] for item in compared],
        "control": [places[id(item.control)] for item in compared],
        "said": [describe_verdict(end, by) if end else "" for end in ends],
        "holm": [int(survives(p_values[id(item)])) for item in compared],
        **interval_columns(ends, by),
    }


def _kinds(compared: Sequence[Comparison]) -> list[Record]:
    """Return the mean over configurations for each kind of comparison."""
    means = deltas(compared)
    p_values = Corrections.of([], means).means
    return [
        {
            "label": delta_kind(item),
            "value": item.value,
            "mean": item.difference.mean,
            "half": item.difference.half_width,
            "n": item.difference.n,
            "pairs": len(item.compared),
            "said": describe_verdict(item.difference, item.compared[0].by),
            "holm": int(survives(p_values[id(item)])),
        }
        for item in means[:KINDS]
        if item.difference is not None
    ]
