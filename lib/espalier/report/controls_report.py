"""Differences to controls: a part of sweep_analysis.txt, and two files of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from espalier.analysis.confidence import Interval, Verdict, verdict
from espalier.analysis.control_deltas import SIZE, Delta, MeanDifference, deltas
from espalier.analysis.controls import TIME, Comparison, events, within_slack
from espalier.analysis.multiple_tests import corrected, interval_power, survives
from espalier.analysis.rank import Configuration, Ranking, swept_values
from espalier.core import strict_json
from espalier.core.measures import Measure
from espalier.core.texts.count_text import count_text
from espalier.core.trial import Record
from espalier.report.ranking_rows import describe_missing_seeds, format_interval, settings
from espalier.report.sweep_summary import typed, typed_values
from espalier.report.templates import render

MARK = "*"
LISTED = 50  # configurations that are listed; the others are in sweep_controls.json


@dataclass(frozen=True)
class Corrections:
    """Corrected p of all differences, a family each, by the id of what has them; None: no p."""

    means: Mapping[int, float | None]
    ends: Mapping[int, float | None]
    times: Mapping[int, float | None]

    @classmethod
    def of(cls, compared: Sequence[Comparison], means: Sequence[MeanDifference]) -> Corrections:
        """Return those of comparisons and their means."""
        return cls(
            correct({id(item): item.difference for item in means}),
            correct({id(item): item.at_end for item in compared}),
            correct({id(item): item.at_time for item in compared}),
        )

    @property
    def line(self) -> str:
        """How many comparisons there are, and how many are left; empty if none has a p."""
        families = {
            "means": self.means,
            "differences at equal steps": self.ends,
            "at equal time": self.times,
        }
        return marked_line(families)


def correct(differences: Mapping[int, Interval | None]) -> dict[int, float | None]:
    """Return the corrected p of every difference; None for one without an interval."""
    p_values = corrected(differences)
    return {key: p_values.get(key) for key in differences}


def marked_line(families: Mapping[str, Mapping[int, float | None]]) -> str:
    """Return what the mark means, and how many of each family have it; empty if none has a p."""
    counts = {
        what: ([survives(p) for p in family.values() if p is not None])
        for what, family in families.items()
    }
    parts = [f"{sum(each)} of {len(each)} {what}" for what, each in counts.items() if each]
    return f"Marked {MARK} is what Holm's correction leaves: {', '.join(parts)}" if parts else ""


def render_controls(compared: Sequence[Comparison], ranking: Ranking) -> str:
    """Return the part of the report, plain ASCII; `compared` as `comparisons` gives it."""
    means = deltas(compared)
    listed = means if sum(len(item.compared) for item in means) > 1 else []
    corrections, by = Corrections.of(compared, listed), ranking.measure
    return render(
        "controls.txt",
        LISTED=LISTED,
        by=by,
        packed=any(item.packed for item in compared),
        deltas=listed,
        arms=[(group[0].arm, group) for group in _by_arm(compared)],
        alone=_alone(compared, ranking),
        corrected=corrections.line,
        values=values_text,
        kind=delta_kind,
        mean=lambda item: difference_text(item.difference, by, corrections.means[id(item)]),
        at_end=lambda item: difference_text(item.at_end, item.by, corrections.ends[id(item)]),
        at_time=lambda item: timed_text(item, corrections.times[id(item)]),
        pairs=pairs_text,
        missing=describe_missing_seeds,
        events=events_text,
    )


def controls_json(compared: Sequence[Comparison]) -> str:
    """Return the text of sweep_controls.json: strict JSON."""
    corrections = Corrections.of(compared, [])
    return strict_json.pretty([_record(group, corrections) for group in _by_arm(compared)])


def deltas_json(compared: Sequence[Comparison]) -> str:
    """Return the text of sweep_deltas.json: strict JSON."""
    means = deltas(compared)
    p_values = Corrections.of([], means).means
    return strict_json.pretty([_delta_record(item, p_values) for item in means])


def _by_arm(compared: Iterable[Comparison]) -> list[list[Comparison]]:
    return [list(group) for _, group in groupby(compared, key=lambda item: id(item.arm))]


def delta_kind(item: Delta) -> str:
    """Return the values of configurations that a kind of comparison has, as `CONFIG_METHOD=x`."""
    return " ".join(settings(dict([(item.symbol, item.own), *item.also])))


def pairs_text(item: MeanDifference, whose: str = "the control's", *more: str) -> str:
    """Return the number of pairs, and in what they are unequal: live parameters, and `more`."""
    text = f"{count_text(len(item.compared), 'pair')} of configurations"
    shares = {name: item.shares(name) for name in (SIZE, *more)}
    unequal = [_times(name, both, whose) for name, both in shares.items() if both]
    said = " and ".join(filter(None, unequal))
    return f"{text}, UNEQUAL: {said}" if said else text


def _times(name: str, shares: tuple[float, float], whose: str) -> str:
    """Return how many times as much of a measure the configurations have; empty if it is equal."""
    if shares == (1.0, 1.0) or (name == TIME and all(within_slack(each, 1.0) for each in shares)):
        return ""
    low, high = map(multiple, shares)
    times = low if low == high else f"{low} to {high}"
    return f"{times} times {whose} {name.replace('_', ' ')}"


def multiple(share: float) -> str:
    """Return three digits, or more where those of something else than 1 would be 1."""
    text = f"{share:.3g}"
    return text if text != "1" or share == 1.0 else f"{share:.5g}"


def values_text(item: Configuration) -> list[str]:
    """Return the swept symbols with their values."""
    return settings(swept_values(item.first))


def difference_text(difference: Interval | None, by: Measure, p: float | None) -> str:
    """Return a difference with its interval and what that says; `p` is its corrected p."""
    if difference is None:
        return "no seed in common that passed in both"
    said = f"{format_interval(difference, by, '+')}: {describe_verdict(difference, by)}"
    said += MARK * survives(p)
    least = interval_power(difference) if verdict(difference) is Verdict.TIED else None
    return said if least is None else f"{said}, detectable from {by.number(least)} on"


def timed_text(item: Comparison, p: float | None) -> str:
    """Return the difference at equal time, or why it is not known."""
    if item.untimed:
        return f"not known: {item.untimed}"
    text = difference_text(item.at_time, item.by, p)
    return text if item.share is None else f"{text}, at {item.share:.0%} of its steps"


def describe_verdict(difference: Interval, by: Measure) -> str:
    """Return what seeds say about a difference to a control."""
    match verdict(difference):
        case Verdict.TIED:
            return "not distinguishable"
        case Verdict.BEHIND:
            return "better" if difference.mean * by.sign > 0 else "worse"
    return "one seed, no verdict" if difference.n == 1 else "the same on each seed, no verdict"


def events_text(item: Configuration) -> str:
    """Return what the events of a configuration did; empty if its method has none."""
    its = events(item)
    if its is None:
        return ""
    texts = (
        (its.jump, "loss jumps by {:+z.4f} nats"),
        (its.jump_max, "at most {:+z.4f}"),
        (its.recovery_steps, "back after {:.1f} steps"),
        (its.unrecovered, "{:.4g} never"),
        (None if its.seconds is None else its.seconds * 1000, "{:.2f} ms each"),
        (its.share, "{:.1%} of the time"),
    )
    parts = [text.format(value) for value, text in texts if value is not None]
    return ", ".join([f"events: {its.count:.4g}", *parts])


def _alone(compared: Sequence[Comparison], ranking: Ranking) -> list[str]:
    """Return the names of configurations neither compared nor with a value to compare with."""
    arms = {id(item.arm) for item in compared}
    plain = {(item.symbol, item.value) for item in compared}
    rest = [item for item in ranking.configurations if id(item) not in arms]
    return [item.first.name for item in rest if not plain & item.first.config.items()]


def _record(group: Sequence[Comparison], corrections: Corrections) -> Record:
    arm = group[0].arm
    its = events(arm)
    return {
        "config_file": arm.first.name,
        "values": typed_values(arm.first),
        "n": len(arm.scores),
        "planned": len(arm.results),
        "against": [_against(item, corrections) for item in group],
        "events": vars(its) if its else None,
    }


def _against(item: Comparison, corrections: Corrections) -> Record:
    return {
        "config_file": item.control.first.name,
        "symbol": f"CONFIG_{item.symbol}",
        "value": typed(item.value),
        "by": item.by.name,
        "more_is_better": item.by.larger,
        "equal_steps": numbers(item.at_end, item.by, corrections.ends, item),
        "equal_time": numbers(item.at_time, item.by, corrections.times, item),
        "equal_time_share_of_steps": item.share,
        "equal_time_unknown": item.untimed or None,
        "packed": item.packed,
        "unequal": {name: {"own": a, "control": b} for name, (a, b) in item.unequal.items()},
    }


def _delta_record(item: Delta, p_values: Mapping[int, float | None]) -> Record:
    by = item.compared[0].by
    return {
        "symbol": f"CONFIG_{item.symbol}",
        "value": typed(item.own),
        "also": {f"CONFIG_{name}": typed(text) for name, text in item.also},
        "control": typed(item.value),
        "by": by.name,
        "more_is_better": by.larger,
        "pairs": len(item.compared),
        "equal_steps": numbers(item.difference, by, p_values, item),
        "live_parameters": dict(zip(("least", "most"), item.sizes, strict=True))
        if item.sizes
        else None,
    }


def numbers(
    difference: Interval | None, by: Measure, p_values: Mapping[int, float | None], item: object
) -> Record | None:
    """Return a difference as data, with its p corrected for all of `p_values`."""
    if difference is None:
        return None
    p = p_values[id(item)]
    return {
        "difference": difference.mean,
        "half_width": difference.half_width,
        "n": difference.n,
        "said": describe_verdict(difference, by),
        "p_holm": p,
        "comparisons": sum(each is not None for each in p_values.values()),
        "survives_holm": survives(p),
    }
