"""The verdict on "is A better than B?": a few lines of text, or JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from espalier.analysis import caveats
from espalier.analysis.comparing.arm_question import ArmVerdict
from espalier.analysis.controls import TIME
from espalier.analysis.equivalence import Answer
from espalier.core import strict_json
from espalier.core.texts.count_text import count_text
from espalier.core.trial import Record
from espalier.report.failure_rows import NAMED, name_configurations, name_trials
from espalier.report.ranking_rows import FAR, describe_missed_target, describe_more_seeds
from espalier.report.templates import render


def render_verdict(verdict: ArmVerdict, folders: Sequence[str], repeated: int = 0) -> str:
    """Return the verdict as text. `repeated` trials of `folders` were left out as the same."""
    return render(
        "verdict.txt",
        verdict=verdict,
        question=verdict.question,
        unlike=verdict.unlike,
        folders=folders,
        headline=_headline(verdict),
        difference=_difference(verdict),
        remarks=[*_unequal_lines(verdict), *_remarks(verdict, repeated)],
        guarantee=_guarantee(verdict),
    )


def verdict_json(verdict: ArmVerdict, folders: Sequence[str], repeated: int = 0) -> str:
    """Return the verdict as the text of a JSON object; an end without a limit is null."""
    return strict_json.pretty(verdict_record(verdict, folders, repeated))


def verdict_record(verdict: ArmVerdict, folders: Sequence[str], repeated: int = 0) -> Record:
    """Return the verdict as the object that `verdict_json` writes; ends may be infinite."""
    reply, question = verdict.reply, verdict.question
    return {
        "verdict": str(reply.answer),
        "difference": reply.difference.mean if reply.difference else None,
        "interval": list(verdict.bounds),
        "n": verdict.n,
        "alpha": question.alpha,
        "margin": question.margin,
        "seeds_needed": verdict.seeds_needed,
        "p": reply.p,
        "p_within": reply.p_within,
        "anytime": question.anytime,
        "measure": question.by.name,
        "more_is_better": question.by.larger,
        "a": str(question.first),
        "b": str(question.second),
        "where": str(question.where),
        "folders": list(folders),
        "pairs": [[a.first.name, b.first.name] for a, b in verdict.pairs],
        "also_different": list(verdict.also),
        "not_alike": [_unlike(item) for item in map(vars, verdict.unlike)],
        "unequal": {name: _sides(both) for name, both in verdict.unequal.items()},
        "left_out": _left_out(verdict, repeated),
    }


def _unlike(item: Record) -> Record:
    return {**item, "sides": _sides(item["sides"])}


def _sides(both: Sequence[object]) -> Record:
    return dict(zip(("a", "b"), both, strict=True))


def _left_out(verdict: ArmVerdict, repeated: int) -> Record:
    """Return what counts for nothing, as numbers."""
    return {
        "trials_without_result": len(verdict.lost),
        "trials_not_run": len(verdict.pending),
        "trials_in_several_folders": repeated,
        "draws_not_in_all_pairs": len(verdict.dropped),
        "pairs_without_common_draw": len(verdict.unpaired),
        "configurations_without_partner": _sides([len(items) for items in verdict.alone]),
    }


def _headline(verdict: ArmVerdict) -> str:
    by, margin = verdict.question.by, verdict.question.margin
    match verdict.reply.answer:
        case Answer.EQUIVALENT:
            return f"EQUIVALENT: A and B lie within {margin:g}{by.difference_unit} of each other"
        case Answer.UNDECIDED:
            return f"UNDECIDED: {_why_undecided(verdict)}"
    return f"{verdict.reply.answer.upper()}: A is {verdict.reply.answer} than B by {by.label}"


def _why_undecided(verdict: ArmVerdict) -> str:
    if not verdict.n:
        some = "that all pairs of configurations have" if verdict.pairs else "in common"
        return f"no seed {some} with {verdict.question.by.label}"
    if verdict.n == 1:
        return "one seed says nothing about chance"
    if not verdict.has_spread:
        return "the same difference on each seed says nothing about chance"
    more = (verdict.seeds_needed or math.inf) - verdict.n
    if more > FAR:
        return f"{describe_more_seeds(more)} would decide; with a MARGIN fewer do"
    return f"{describe_more_seeds(more)} at this spread and difference would decide"


def _difference(verdict: ArmVerdict) -> str:
    by, difference = verdict.question.by, verdict.reply.difference
    head = f"Difference of the {by.label}, positive where A is better"
    if difference is None:
        return f"{head}: none"
    mean = by.with_unit(difference.mean, "+")
    return f"{head}: {mean}, {_interval(verdict)}, {count_text(verdict.n, 'seed')}"


def _interval(verdict: ArmVerdict) -> str:
    low, high = verdict.bounds
    if math.isinf(low) and math.isinf(high):
        return "no interval"
    if low == high or not (verdict.has_spread or verdict.question.anytime):
        return "no spread"
    ends = (verdict.question.by.number(end, "+") for end in (low, high))
    return f"{_percent(1 - verdict.question.alpha)} interval {' to '.join(ends)}"


def _unequal_lines(verdict: ArmVerdict) -> Iterator[str]:
    for name, (own, other) in verdict.unequal.items():
        unit, digits = ("s", ".3g") if name == TIME else ("", ".6g")
        sides = f"A {own:,{digits}}{unit}, B {other:,{digits}}{unit}"
        yield f"UNEQUAL {name.replace('_', ' ')}: {sides}"


def _remarks(verdict: ArmVerdict, repeated: int) -> Iterator[str]:
    """Yield lines on missed targets and on what counts for nothing."""
    yield from _missed_targets(verdict)
    trials = [item for pair in verdict.trials for item in pair]
    if not verdict.unlike and (lines := caveats.origins(trials)):
        yield "NOTE: A and B were made alike seed by seed, but not all seeds were:"
        yield from lines
    by = verdict.question.by
    if by.tested:
        yield "NOTE: on the test data: what is chosen by it looks better than it is"
    if verdict.lost:
        said = f"{count_text(len(verdict.lost), 'trial')} that ended without {by.label}"
        yield f"Left out: {said}: {name_trials(verdict.lost)}"
    if verdict.pending:
        yield f"Left out: {count_text(len(verdict.pending), 'trial')} not run yet"
    if verdict.dropped:
        count = count_text(len(verdict.dropped), "seed")
        yield f"Left out: {count} that not all pairs of configurations have"
    if verdict.unpaired:
        count = count_text(len(verdict.unpaired), "pair")
        yield f"Left out: {count} of configurations without a seed in common"
    for side, items in zip("AB", verdict.alone, strict=True):
        if items:
            said = f"{count_text(len(items), 'configuration')} of {side} without a partner"
            yield f"Left out: {said} that agrees in all else: {name_configurations(items)}"
    if repeated:
        yield f"Counted once: {count_text(repeated, 'trial')} that another folder has too"


def _missed_targets(verdict: ArmVerdict) -> Iterator[str]:
    for place, side in enumerate("AB"):
        items = {id(pair[place]): pair[place] for pair in verdict.pairs}.values()
        short = [item for item in items if item.short]
        for item in short[:NAMED]:
            yield f"NOTE: {side}, {item.first.name}: {describe_missed_target(item)}"
        if len(short) > NAMED:
            yield f"NOTE: {side}: {len(short) - NAMED} more that missed their target sparsity"


def _guarantee(verdict: ArmVerdict) -> str:
    rate = f"The error rate of {_percent(verdict.question.alpha)} holds for one question"
    if verdict.question.anytime:
        return f"{rate}, at whatever moment one looks: the seeds are those of a race"
    return f"{rate} and one look, at a number of seeds fixed beforehand"


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%"
