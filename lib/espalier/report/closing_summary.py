"""What a sweep ends with on a terminal: what it came to in a few lines, the best and its doubts.

All of it stands in sweep_analysis.txt and report.html too. Where there are more lines than there
is room for, the less important ones are left out; their order stays.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from espalier.analysis import pareto
from espalier.analysis.caveats import notes
from espalier.analysis.pareto import Point
from espalier.analysis.rank import SLACK, Configuration, swept_values
from espalier.core.process.terminal import printable
from espalier.core.texts.count_text import count_text
from espalier.core.texts.program_name import MAKE
from espalier.core.texts.shortening import keep_first, shorten
from espalier.core.trial import Status
from espalier.report.comparing.baseline_report import compared_lines, mean_lines
from espalier.report.comparing.claims_report import claim_numbers
from espalier.report.failure_rows import common_failures, not_passed, single_line
from espalier.report.html.page_input import PageInput
from espalier.report.race_report import configuration_line, groups, heading, how_ended
from espalier.report.ranking_rows import (
    describe_flaws,
    format_measure,
    format_sparsity,
    settings,
    shown_measures,
)
from espalier.report.stopping_report import stop_lines
from espalier.report.sweep_analysis import beside_best, nothing, seeds_to_plan

WIDTH = 100
"""Characters of a line at most."""
VALUE_LINES = 3
"""Lines of the values of the best configuration."""
OTHERS = 3
"""Configurations behind the best in the ranking that have a line."""
FRONT = 5
"""Configurations of a front that have a line."""
REASONS = 3
"""Reasons for failures, or claims, that have a line."""


class Weighed(NamedTuple):
    """A line, and how much it matters: of two, the one with less weight is left out last."""

    weight: int
    text: str


def summary_lines(page: PageInput, room: int) -> list[str]:
    """Return at most `room` lines on what a sweep came to, none of them long, in plain text."""
    weighed = [*_race(page), *_stopping(page), *_claims(page), *_best(page), *_front(page)]
    weighed += _doubts(page)
    weighed += [*_baseline(page), *_others(page), *_failures(page)]
    order = sorted(range(len(weighed)), key=lambda place: (weighed[place].weight, place))
    kept = sorted(order[: max(0, room)])
    return [shorten(printable(weighed[place].text), WIDTH) for place in kept]


def next_step(page: PageInput) -> str:
    """Return what to do next with the results; empty if there is nothing to go on with."""
    best, again = page.ranking.best, f"in the range file, then `{MAKE} sweep` again"
    if best is None or not best.first.swept:
        return ""
    close = page.race is None and (
        seeds_to_plan(page.ranking) or (best.score and best.score.n == 1)
    )
    if close and "proposals" in page.header.design:  # other seeds would have other proposals
        return f"more seeds tell close ones apart: `{MAKE} race DIR=` and this folder gives them"
    if page.race is None and best.score and best.score.n == 1:
        return f"one seed shows no chance: CONFIG_SEED=1|2|3 {again}"
    if page.race is None and (seeds := seeds_to_plan(page.ranking)):
        return f"more seeds tell close ones apart: CONFIG_SEED=1:1:{seeds} {again}"
    if not swept_values(best.first):
        return ""
    return f"nearby values: narrow the range file, or `{MAKE} sweep-focus AROUND=best` plans them"


def _race(page: PageInput) -> Iterator[Weighed]:
    race = page.race
    if race is None:
        return
    yield Weighed(0, f"Race: {how_ended(race)}: {race.spent} trials, of {race.full} for all seeds")
    status, items = next((status, items) for status, items in groups(race) if items)
    if race.state.ended:
        named = f"{len(items)}, first " * (len(items) > 1) + configuration_line(items[0], race)
        yield Weighed(0, f"{heading(status, race)}: {named}")


def _stopping(page: PageInput) -> Iterator[Weighed]:
    if page.stopping is None:
        return
    _, head, *rungs = stop_lines(page.stopping)
    yield Weighed(1, f"Stopped early by {page.stopping.rules.rule}: {head}")
    for line in rungs:
        yield Weighed(3, f"  {line}")


def _claims(page: PageInput) -> Iterator[Weighed]:
    claims = page.judged.claims if page.judged else ()
    for place, item in enumerate(claims[:REASONS]):
        said = f": {item.why}" if item.why else f": {claim_numbers(item)}"
        yield Weighed(1 + place, f"{item.status.value.upper()}: {item.text}{said}")
    if len(claims) > REASONS:
        yield Weighed(3, f"and {len(claims) - REASONS} more claims, in the report")


def _best(page: PageInput) -> Iterator[Weighed]:
    """Yield the best configuration with its interval and its values, or why there is none."""
    ranking, best = page.ranking, page.ranking.best
    if best is None:
        if any(item.result.status is not Status.NOTRUN for item in page.results):
            yield Weighed(0, f"Best: none: {nothing(ranking)}")
        return
    count = count_text(len(ranking.ranked), "configuration")
    score = format_measure(best, ranking.measure)
    yield Weighed(0, f"Best of {count} by {ranking.measure.label}: {best.first.name}, {score}")
    for place, line in enumerate(_value_lines(best)):
        yield Weighed(place, f"  {line}")
    others = [by for by in shown_measures(ranking) if by.name != ranking.measure.name]
    said = [f"{by.label} {format_measure(best, by)}" for by in others if best.measure(by.name)]
    if best.measure("final_sparsity"):  # a program has none
        said.append(f"sparsity {format_sparsity(best)}")
    if said:
        yield Weighed(3, f"  {', '.join(said)}")


def _value_lines(best: Configuration) -> list[str]:
    """Return the swept values of a configuration, in a few lines."""
    text = printable(" ".join(settings(swept_values(best.first))))
    lines = textwrap.wrap(shorten(text, VALUE_LINES * WIDTH), WIDTH - 2, break_on_hyphens=False)
    return lines[:VALUE_LINES]


def _front(page: PageInput) -> Iterator[Weighed]:
    """Yield the configurations of the front of several measures, if these rank together."""
    if len(page.ranking.measures) == 1:
        return
    fronts = pareto.fronts(page.ranking)
    for front in fronts:
        on = " on " + ", ".join(settings(front.samples)) if len(fronts) > 1 else ""
        names = " and ".join(by.label for by in front.over)
        count = f"{len(front.points)} of {count_text(len(front.sized), 'configuration')}"
        yield Weighed(1, f"Front of {names}{on}: {count}")
        for line in keep_first([_point(point) for point in front.points], FRONT):
            yield Weighed(2, f"  {line}")


def _point(point: Point) -> str:
    """Return a configuration of a front with its means."""
    means = (by.with_unit(mean) for by, mean in zip(point.over, point.means, strict=True))
    return f"{point.item.first.name}: {', '.join(means)}"


def _doubts(page: PageInput) -> Iterator[Weighed]:
    """Yield what speaks against believing in the best configuration."""
    ranking, best = page.ranking, page.ranking.best
    if best is None:
        return
    if flaws := describe_flaws(best, ranking):
        yield Weighed(1, f"Against it: {flaws}")
    if best.score and best.score.n == 1:
        yield Weighed(1, "Against it: one seed alone; how far chance reaches is not known")
    if ranking.measure.tested:
        yield Weighed(2, f"Against it: picked by its {ranking.measure.label}, so too good there")
    total = len(ranking.ranked) - 1
    for what, count in beside_best(ranking).items():
        if count:
            yield Weighed(1, f"{what}: {count} of {total} others")
    for line in notes(ranking)[:1]:
        yield Weighed(1, line)


def _baseline(page: PageInput) -> Iterator[Weighed]:
    if page.beside is None:
        return
    lines = mean_lines(page.beside) or compared_lines(page.beside)
    if lines:
        yield Weighed(2, f"Against baseline {page.beside.label}:")
    for place, line in enumerate(lines[:REASONS]):
        yield Weighed(2 + place, f"  {line}")
    if len(lines) > REASONS:
        yield Weighed(3, f"and {len(lines) - REASONS} more against the baseline, in the report")


def _others(page: PageInput) -> Iterator[Weighed]:
    """Yield the next configurations of the ranking with their intervals."""
    ranking = page.ranking
    for place, item in enumerate(ranking.ranked[1 : OTHERS + 1], 2):
        remark = describe_flaws(item, ranking)
        score = format_measure(item, ranking.measure)
        line = f"{place}. {item.first.name}, {score}" + f": {remark}" * bool(remark)
        yield Weighed(1 + place, line)


def _failures(page: PageInput) -> Iterator[Weighed]:
    """Yield what failed with the reasons, and how many missed their target."""
    groups, rest = common_failures(not_passed(page.results), REASONS)
    for place, group in enumerate(groups):
        yield Weighed(1 + place, single_line(group))
    if rest:
        yield Weighed(2, f"and {rest} more that did not pass, for other reasons, in the report")
    missed = sum(abs(item.shortfall) > SLACK for item in page.results)
    if missed:
        yield Weighed(2, f"Target sparsity not met: {missed} of {len(page.results)} trials")
