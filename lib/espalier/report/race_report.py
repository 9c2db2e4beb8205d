"""How a race stands: the head of sweep_analysis.txt, sweep_race.json, and a line a round."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.analysis.race_decisions import RaceStatus
from espalier.analysis.race_standing import RacedConfiguration, RaceStanding
from espalier.analysis.rank import SLACK, swept_values
from espalier.core import strict_json
from espalier.core.texts.count_text import count_text
from espalier.core.trial import Record
from espalier.report.ranking_rows import settings
from espalier.report.sweep_summary import typed_values
from espalier.report.templates import render

LISTED = 50
"""Configurations of a status that are named in the text; all are in the JSON file."""


def render_race(race: RaceStanding) -> str:
    """Return the head of the report, plain ASCII."""
    return render(
        "race.txt",
        LISTED=LISTED,
        race=race,
        by=race.measure,
        groups=[(heading(status, race), items) for status, items in groups(race) if items],
        ended=how_ended(race),
        line=lambda item: configuration_line(item, race),
        short=sum(_misses_target(item) for item in race.configurations),
    )


def race_json(race: RaceStanding) -> str:
    """Return the text of sweep_race.json: strict JSON."""
    rules = race.rules
    return strict_json.pretty(
        {
            "by": rules.by,
            "alpha": rules.alpha,
            "margin": rules.margin,
            "max_seeds": rules.max_seeds,
            "ended": race.state.ended,
            "rounds": race.state.rounds,
            "trials": race.spent,
            "trials_of_all_seeds": race.full,
            "configurations": [_record(item) for item in race.configurations],
        }
    )


def round_line(race: RaceStanding) -> str:
    """Return who is left, what was spent and who leads, in a line."""
    left, total, rounds = len(race.survivors), len(race.configurations), race.state.rounds
    parts = [f"race: {left} of {total} configurations left after {rounds} seeds"]
    parts.append(f"{race.spent} trials")
    if race.leader is not None and race.leader.mean is not None:
        mean = race.measure.with_unit(race.leader.mean)
        parts.append(f"{race.leader.first.name} leads with {mean}")
    return ", ".join(parts)


def heading(status: RaceStatus, race: RaceStanding) -> str:
    """Return what a status means in this race."""
    match status:
        case RaceStatus.BEST:
            return "BEST: the only one left"
        case RaceStatus.WITHIN:
            margin = f"{race.rules.margin:g}{race.measure.difference_unit}"
            return f"WITHIN THE MARGIN: all of these lie within {margin} of each other"
        case RaceStatus.BEHIND:
            return "BEHIND: another one is better"
        case RaceStatus.UNDECIDED:
            return "UNDECIDED: not distinguished from the best"


def configuration_line(item: RacedConfiguration, race: RaceStanding) -> str:
    """Return a configuration with its swept values, its mean, and since when it is behind."""
    parts = [item.first.name, *settings(swept_values(item.first))]
    mean = "no score" if item.mean is None else race.measure.with_unit(item.mean)
    decision = item.decision
    when = f"since seed {decision.left}" if decision.left else count_text(decision.seeds, "seed")
    return f"{' '.join(parts)}: {mean}, {when}" + f" ({decision.reason})" * bool(decision.reason)


def groups(race: RaceStanding) -> list[tuple[RaceStatus, Sequence[RacedConfiguration]]]:
    """Return the configurations by status; those that were in longest, and better, first."""
    sign = race.measure.sign
    ordered = sorted(
        race.configurations,
        key=lambda item: (-item.decision.seeds, -sign * (item.mean or 0.0)),
    )
    return [
        (status, [item for item in ordered if item.decision.status is status])
        for status in (RaceStatus.BEST, RaceStatus.WITHIN, RaceStatus.UNDECIDED, RaceStatus.BEHIND)
    ]


def how_ended(race: RaceStanding) -> str:
    """Return whether a race has ended, and after how many seeds."""
    rounds = race.state.rounds
    if race.state.ended:
        cap = rounds == race.rules.max_seeds and len(race.survivors) > 1
        return f"Ended at the cap of {rounds} seeds" if cap else f"Ended after {rounds} seeds"
    return f"Not ended, {len(race.survivors)} left after {rounds} seeds"


def _misses_target(item: RacedConfiguration) -> bool:
    return any(result.shortfall > SLACK for result in item.results)


def _record(item: RacedConfiguration) -> Record:
    return {
        "config_file": item.first.name,
        "swept": typed_values(item.first),
        "status": item.decision.status,
        "seeds": item.decision.seeds,
        "left_in_round": item.decision.left,
        "reason": item.decision.reason,
        "mean": item.mean,
        "trials": item.spent,
    }
