"""The configurations of a sweep as columns: values, measures, places, and their trials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from espalier.analysis.confidence import Interval
from espalier.analysis.pareto import fronts
from espalier.analysis.rank import Configuration, Ranking, TrialResult, recorded
from espalier.analysis.stopping.rung_scores import RUNG_EPOCH
from espalier.core import measures
from espalier.core.measures import (
    FLOPS_TOTAL,
    LIVE_PARAMETERS,
    TEST_ACC,
    VAL_ACC,
    VAL_LOSS,
    Measure,
)
from espalier.core.trial import Record
from espalier.report.html.columns import coded, interval_columns, is_number, measure_record
from espalier.report.ranking_rows import describe_flaws

USUAL = (
    VAL_ACC.name,
    TEST_ACC.name,
    VAL_LOSS.name,
    "final_sparsity",
    LIVE_PARAMETERS.name,
    "total_time",
    FLOPS_TOTAL.name,
)
"""Measures that a page shows wherever trials have them, whatever ranks."""
CELLS = 120_000
"""Numbers that the measures of a page may have, so that a large sweep leaves out the rarer ones."""
DECIMALS = 9
"""Decimals of the scores of trials, from which the page takes differences."""
LOWER, UPPER = 6, 20
"""Measures of a page: at least so many, and at most."""


def ranking_data(ranking: Ranking, every: Sequence[Configuration]) -> Record:
    """Return the configurations `every`, in plan order, as columns."""
    by = ranking.measure
    places = {id(item): place for place, item in enumerate(ranking.ranked, 1)}
    best = {id(point.item) for front in fronts(ranking) for point in front.points}
    notes = coded(_note(item, ranking, id(item) in places) for item in every)
    return {
        "by": by.name,
        "raced": ranking.raced,
        "symbols": list(_symbols(every)),
        "measures": _measures(ranking, every),
        "place": [places.get(id(item), 0) for item in every],
        "front": [int(id(item) in best) for item in every],
        "verdict": [str(item.verdict) if id(item) in places else "" for item in every],
        "note": notes.codes,
        "notes": notes.texts,
        "trials": _trials(every, by),
    }


def _note(item: Configuration, ranking: Ranking, ranked: bool) -> str:
    if ranked:
        return describe_flaws(item, ranking)
    return f"not ranked: {', '.join(dict.fromkeys(map(_end, item.results)))}"


def _end(item: TrialResult) -> str:
    """Return how a trial that is not ranked ended; of a stopped one also where."""
    rung = item.result.measures.get(RUNG_EPOCH)
    return str(item.result.status) + (f" after epoch {rung}" if rung is not None else "")


def _symbols(every: Sequence[Configuration]) -> Iterator[Record]:
    """Yield each symbol that varies, with its values as codes; -1 where a menu is off."""
    values = [item.swept for item in every]
    for name in dict.fromkeys(name for each in values for name in each):
        column = coded(each.get(name) for each in values)
        if len(set(column.codes)) > 1:
            numbers = all(is_number(text) for text in column.texts)
            yield {
                "name": name,
                "numeric": numbers,
                "texts": column.texts,
                "codes": column.codes,
            }


def _measures(ranking: Ranking, every: Sequence[Configuration]) -> list[Record]:
    """Return the measures with mean and interval of each configuration, those that rank first."""
    columns = [
        (by, [item.measure(by.name) for item in every]) for by in shown_measures(ranking, every)
    ]
    kept = [(by, each) for by, each in columns if by in ranking.measures or _varies(each)]
    return [{**measure_record(by), **interval_columns(each, by)} for by, each in kept]


def shown_measures(ranking: Ranking, every: Sequence[Configuration]) -> list[Measure]:
    """Return the measures of a page: those that rank, the usual ones, others while they fit."""
    names = recorded(trial for item in every for trial in item.counted)
    limit = max(LOWER, min(UPPER, CELLS // (2 * max(1, len(every)))))
    ordered = [name for name in USUAL if name in names] + names
    others = (_any_measure(name) for name in dict.fromkeys(ordered))
    chosen = {by.name: by for by in ranking.measures}
    for by in others:
        if by is not None and len(chosen) < limit:
            chosen.setdefault(by.name, by)
    return list(chosen.values())


def _any_measure(name: str) -> Measure | None:
    """Return a measure whose direction may not be known; None for a name that none can have."""
    for text in (name, f"{name}:{measures.MAX}"):
        try:
            return measures.find(text)
        except measures.MeasureError:
            continue
    return None


def _varies(column: Iterable[Interval | None]) -> bool:
    return len({each.mean for each in column if each is not None}) > 1


def _exact(score: float | None) -> float | None:
    """Return a score with so many decimals that rounding does not look like a spread of seeds."""
    return None if score is None else round(score, DECIMALS)


def _trials(every: Sequence[Configuration], by: Measure) -> Record:
    """Return the trials of every configuration, one after another, as columns."""
    trials = [trial for item in every for trial in item.results]
    draws = coded(" split ".join(filter(None, trial.draw)) for trial in trials)
    return {
        "name": [trial.trial.name for trial in trials],
        "count": [len(item.results) for item in every],
        "draw": draws.codes,
        "score": [_exact(trial.measure(by.name)) for trial in trials],
    }
