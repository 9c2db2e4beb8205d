"""sweep_ranking.json: the ranking as data, with what is said of each configuration."""

from __future__ import annotations

from espalier.analysis.confidence import ALPHA
from espalier.analysis.rank import Configuration, Ranking, comparable
from espalier.core import strict_json
from espalier.core.trial import Record
from espalier.report.sweep_summary import typed_values


def ranking_json(ranking: Ranking) -> str:
    """Return the text of sweep_ranking.json: strict JSON.

    `compared` counts the configurations that the error rate `alpha` is over. In a race that is
    null: what the race itself says holds.
    """
    by, best = ranking.measure, ranking.best
    alike = [item for item in ranking.ranked if best and comparable(item, best)]
    return strict_json.pretty(
        {
            "by": by.name,
            "more_is_better": by.larger,
            "alpha": None if ranking.raced else ALPHA,
            "compared": len(alike),
            "configurations": [configuration_record(item, ranking) for item in ranking.ranked],
            "not_ranked": [item.first.name for item in ranking.unranked],
        }
    )


def configuration_record(item: Configuration, ranking: Ranking) -> Record:
    """Return a configuration as a JSON object: its values, its score, how it compares."""
    score, lead = item.score, item.lead
    is_best = item is ranking.best
    return {
        "config_file": item.first.name,
        "values": typed_values(item.first),
        "mean": score.mean if score else None,
        "half_width": score.half_width if score else None,
        "n": len(item.scores),
        "planned": len(item.results),
        "target_reached": not item.short,
        "verdict": None if is_best else str(item.verdict),
        "behind_by": lead.mean if lead and not is_best else None,
        "behind_by_half_width": lead.half_width if lead and not is_best else None,
        "pairs": lead.n if lead and not is_best else None,
    }
