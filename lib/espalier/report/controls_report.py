"""Controls told: a part of sweep_analysis.txt, sweep_controls.json and sweep_deltas.json."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from espalier.analysis.confidence import Interval, Verdict, verdict
from espalier.analysis.control_deltas import Delta, deltas
from espalier.analysis.controls import Comparison, Events, events
from espalier.analysis.rank import Configuration, Ranking, swept_values
from espalier.core import strict_json
from espalier.core.measures import Measure
from espalier.core.trial import Record
from espalier.report.ranking_rows import LINE, missing, spread
from espalier.report.sweep_summary import typed

LISTED = 50  # configurations that are told; the others are in sweep_controls.json


def told(compared: Sequence[Comparison], ranking: Ranking) -> list[str]:
    """The lines of the report, plain ASCII; `compared` as `comparisons` gives it."""
    arms = _by_arm(compared)
    by = ranking.measure
    lines = [
        "AGAINST CONTROLS:",
        LINE,
        f"Differences of the {by.label}, configuration minus control ({_direction(by)} is better),",
        "  in pairs of equal seeds, with 95% t-intervals that are not corrected for their number",
        *_packs(compared),
        *_mean(deltas(compared), by),
    ]
    for group in arms[:LISTED]:
        lines += _arm(group)
    rest = len(arms) - LISTED
    lines += [f"... and {rest} more, in sweep_controls.json"] * (rest > 0)
    return [*lines, *_alone(compared, ranking), ""]


def controls_text(compared: Sequence[Comparison]) -> str:
    """The text of sweep_controls.json: strict JSON."""
    return strict_json.pretty([_record(group) for group in _by_arm(compared)])


def deltas_text(compared: Sequence[Comparison]) -> str:
    """The text of sweep_deltas.json: strict JSON."""
    return strict_json.pretty([_delta_record(item) for item in deltas(compared)])


def _by_arm(compared: Iterable[Comparison]) -> list[list[Comparison]]:
    return [list(group) for _, group in groupby(compared, key=lambda item: id(item.arm))]


def _direction(by: Measure) -> str:
    return "more" if by.larger else "less"


def _packs(compared: Iterable[Comparison]) -> list[str]:
    if not any(item.packed for item in compared):
        return []
    return ["Times are shares of those of packs: where equal time matters, sweep with PACK=1"]


def _mean(found: Sequence[Delta], by: Measure) -> list[str]:
    """Each choice over all configurations, unless there is one comparison only."""
    if sum(len(item.compared) for item in found) < 2:
        return []
    lines = ["In the mean over configurations, n seeds:"]
    for item in found[:LISTED]:
        lines += [f"  {_kind(item)}:", f"    {_difference(item.difference, by)}; {_pairs(item)}"]
    return lines + [f"  ... and {len(found) - LISTED} more, in sweep_deltas.json"] * (
        len(found) > LISTED
    )


def _kind(item: Delta) -> str:
    own = [(item.symbol, item.own), *item.also]
    return " ".join(f"CONFIG_{name}={text}" for name, text in own) + f" against {item.value}"


def _pairs(item: Delta) -> str:
    count = len(item.compared)
    text = f"{count} pair{'s' * (count != 1)} of configurations"
    if item.sizes is None or item.sizes == (1.0, 1.0):
        return text
    low, high = map(multiple, item.sizes)
    times = low if low == high else f"{low} to {high}"
    return f"{text}, UNEQUAL: {times} times the control's live parameters"


def multiple(share: float) -> str:
    """Three digits, or more where those of something else than 1 would be 1."""
    text = f"{share:.3g}"
    return text if text != "1" or share == 1.0 else f"{share:.5g}"


def _arm(group: Sequence[Comparison]) -> list[str]:
    arm = group[0].arm
    lines = [" ".join([arm.first.name, *_values(arm)])]
    lines += [f"  {missing(arm)}"] * (not arm.complete)
    for item in group:
        lines += [f"  {line}" for line in _comparison(item)]
    found = events(arm)
    return lines + ([f"  {_events(found)}"] if found else [])


def _values(item: Configuration) -> list[str]:
    return [f"CONFIG_{name}={value}" for name, value in swept_values(item.first).items()]


def _comparison(item: Comparison) -> list[str]:
    lines = [
        f"against {item.control.first.name} (CONFIG_{item.symbol}={item.value})",
        f"  equal steps: {_difference(item.at_end, item.by)}",
        f"  equal time: {_timed(item)}",
    ]
    unequal = item.unequal.items()
    return lines + [
        f"  UNEQUAL {name.replace('_', ' ')}: {arm:,.10g}, control {control:,.10g}"
        for name, (arm, control) in unequal
    ]


def _difference(found: Interval | None, by: Measure) -> str:
    if found is None:
        return "no seed in common that passed in both"
    return f"{spread(found, by, '+')}: {said(found, by)}"


def _timed(item: Comparison) -> str:
    if item.untimed:
        return f"not known: {item.untimed}"
    text = _difference(item.at_time, item.by)
    return text if item.share is None else f"{text}, at {item.share:.0%} of its steps"


def said(difference: Interval, by: Measure) -> str:
    """What seeds say about a difference to a control."""
    match verdict(difference):
        case Verdict.TIED:
            return "not distinguishable"
        case Verdict.BEHIND:
            return "better" if difference.mean * by.sign > 0 else "worse"
    return "one seed, no verdict" if difference.n == 1 else "the same on each seed, no verdict"


def _events(found: Events) -> str:
    told = (
        (found.jump, "loss jumps by {:+.4f} nats"),
        (found.jump_max, "at most {:+.4f}"),
        (found.recovery_steps, "back after {:.1f} steps"),
        (found.unrecovered, "{:.4g} never"),
        (None if found.seconds is None else found.seconds * 1000, "{:.2f} ms each"),
        (found.share, "{:.1%} of the time"),
    )
    parts = [text.format(value) for value, text in told if value is not None]
    return ", ".join([f"events: {found.count:.4g}", *parts])


def _alone(compared: Sequence[Comparison], ranking: Ranking) -> list[str]:
    """Configurations that are neither compared nor have a value to be compared with."""
    arms = {id(item.arm) for item in compared}
    plain = {(item.symbol, item.value) for item in compared}
    rest = [one for one in (*ranking.ranked, *ranking.unranked) if id(one) not in arms]
    names = [one.first.name for one in rest if not plain & one.first.config.items()]
    if not names:
        return []
    some = ", ".join(names[:5]) + ", ..." * (len(names) > 5)
    return [f"Without a control that agrees in all else: {len(names)} configurations ({some})"]


def _record(group: Sequence[Comparison]) -> Record:
    arm, found = group[0].arm, events(group[0].arm)
    return {
        "config_file": arm.first.name,
        "values": _typed(arm),
        "n": len(arm.scores),
        "planned": len(arm.results),
        "against": [_against(item) for item in group],
        "events": vars(found) if found else None,
    }


def _typed(item: Configuration) -> Record:
    return {f"CONFIG_{name}": typed(value) for name, value in swept_values(item.first).items()}


def _against(item: Comparison) -> Record:
    return {
        "config_file": item.control.first.name,
        "symbol": f"CONFIG_{item.symbol}",
        "value": typed(item.value),
        "by": item.by.name,
        "more_is_better": item.by.larger,
        "equal_steps": _numbers(item.at_end, item.by),
        "equal_time": _numbers(item.at_time, item.by),
        "equal_time_share_of_steps": item.share,
        "equal_time_unknown": item.untimed or None,
        "packed": item.packed,
        "unequal": {name: {"own": a, "control": b} for name, (a, b) in item.unequal.items()},
    }


def _delta_record(item: Delta) -> Record:
    by = item.compared[0].by
    return {
        "symbol": f"CONFIG_{item.symbol}",
        "value": typed(item.own),
        "also": {f"CONFIG_{name}": typed(text) for name, text in item.also},
        "control": typed(item.value),
        "by": by.name,
        "more_is_better": by.larger,
        "pairs": len(item.compared),
        "equal_steps": _numbers(item.difference, by),
        "live_parameters": dict(zip(("least", "most"), item.sizes, strict=True))
        if item.sizes
        else None,
    }


def _numbers(difference: Interval | None, by: Measure) -> Record | None:
    if difference is None:
        return None
    return {
        "difference": difference.mean,
        "half_width": difference.half_width,
        "n": difference.n,
        "said": said(difference, by),
    }
