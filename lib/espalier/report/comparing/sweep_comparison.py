"""Two sweeps side by side: text, or JSON."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.analysis.arms import Pair
from espalier.analysis.comparing.sweep_pairs import PairedSweeps, Setting
from espalier.analysis.confidence import Interval
from espalier.analysis.equivalence import Answer, PairedAnswer
from espalier.analysis.rank import Configuration, swept_values
from espalier.core import strict_json
from espalier.core.trial import Record, Status
from espalier.report.comparing.opened_sweeps import OpenedSweep
from espalier.report.failure_rows import name_configurations
from espalier.report.ranking_rows import settings as written
from espalier.report.sweep_summary import typed, typed_values
from espalier.report.table_format import plain_table
from espalier.report.templates import render

LISTED = 50  # configurations that the text has
HEADING = ["A", "B", "values", "n", "difference", "interval", "A is"]


def render_comparison(compared: PairedSweeps, sweeps: Sequence[OpenedSweep]) -> str:
    """Return the comparison of two sweeps as text."""
    rows = [comparison_row(compared, place) for place in range(min(len(compared.pairs), LISTED))]
    return render(
        "sweep_compare.txt",
        compared=compared,
        folders=[str(sweep.folder) for sweep in sweeps],
        sizes=[size_text(sweep) for sweep in sweeps],
        settings=all_settings(compared, sweeps),
        alone=[(side, name_configurations(items)) for side, items in _sides(compared) if items],
        level=f"{(1 - compared.alpha) * 100:.4g}%",
        over_all=over_all_text(compared),
        said=said_text(compared),
        table=plain_table([HEADING, *rows]),
        more=max(0, len(compared.pairs) - LISTED),
    )


def comparison_json(compared: PairedSweeps, sweeps: Sequence[OpenedSweep]) -> str:
    """Return the comparison of two sweeps as the text of a JSON object."""
    return strict_json.pretty(comparison_record(compared, sweeps))


def comparison_record(compared: PairedSweeps, sweeps: Sequence[OpenedSweep]) -> Record:
    """Return the comparison as the object that `comparison_json` writes; ends may be infinite."""
    over_all, said = compared.over_all, zip(compared.answers, compared.said, strict=True)
    return {
        "a": str(sweeps[0].folder),
        "b": str(sweeps[1].folder),
        "measure": compared.by.name,
        "more_is_better": compared.by.larger,
        "alpha": compared.alpha,
        "not_alike": [vars(item) for item in compared.unlike],
        "settings": {
            f"CONFIG_{name}": {"a": typed(own or None), "b": typed(other or None)}
            for name, own, other in all_settings(compared, sweeps)
        },
        "pairs_of_trials": len(compared.trials),
        "identical": compared.identical,
        "taken_over": compared.taken_over,
        "over_all": _record(over_all, over_all.answer),
        "configurations": [
            {**_named(pair), **_record(reply, left)}
            for pair, (reply, left) in zip(compared.pairs, said, strict=True)
        ],
        "only_in_a": [item.first.name for item in compared.alone[0]],
        "only_in_b": [item.first.name for item in compared.alone[1]],
    }


def all_settings(compared: PairedSweeps, sweeps: Sequence[OpenedSweep]) -> list[Setting]:
    """Return the symbols in which two sweeps differ throughout, those outside of identity last."""
    own, others = (sweep.header.settings for sweep in sweeps)
    names = [name for name in {**own, **others} if own.get(name) != others.get(name)]
    outside = [(name, own.get(name, ""), others.get(name, "")) for name in names]
    return [*compared.settings, *outside]


def _named(pair: Pair) -> Record:
    first, second = pair
    values = typed_values(first.first)
    return {"a": first.first.name, "b": second.first.name, "values": values}


def _record(reply: PairedAnswer, left: Answer) -> Record:
    difference = reply.difference
    return {
        "difference": difference.mean if difference else None,
        "interval": [difference.low, difference.high] if difference else [None, None],
        "n": difference.n if difference else 0,
        "p": reply.p,
        "verdict": str(left),
    }


def comparison_row(compared: PairedSweeps, place: int) -> list[str]:
    """Return a pair of configurations with its difference, a cell for each of HEADING."""
    (first, second), reply = compared.pairs[place], compared.answers[place]
    values = " ".join(written(swept_values(first.first), prefix="")) or "-"
    difference, ends = _numbers(compared, reply.difference)
    count = str(reply.difference.n) if reply.difference else "0"
    names = [first.first.name, second.first.name]
    return [*names, values, count, difference, ends, _is(reply, compared.said[place])]


def _is(reply: PairedAnswer, left: Answer) -> str:
    """Return what the first sweep is; equal on all seeds is not merely undecided."""
    difference = reply.difference
    return "equal" if difference and not (difference.mean or difference.half_width) else left


def _numbers(compared: PairedSweeps, difference: Interval | None) -> tuple[str, str]:
    if difference is None:
        return "none", "none"
    by = compared.by
    if difference.spread is None:
        return by.with_unit(difference.mean, "+"), "no spread" if difference.n > 1 else "one seed"
    ends = f"{by.number(difference.low, '+')} to {by.number(difference.high, '+')}"
    return by.with_unit(difference.mean, "+"), ends


def over_all_text(compared: PairedSweeps) -> str:
    """Return what the seeds that all pairs have in common say."""
    reply = compared.over_all
    if reply.difference is None:
        return "no seed that all configurations have in both"
    difference, ends = _numbers(compared, reply.difference)
    word = _is(reply, reply.answer)
    said = word if word == Answer.UNDECIDED else f"A is {word}"
    return f"{difference}, {ends}, n={reply.difference.n}: {said}"


def said_text(compared: PairedSweeps) -> str:
    """Return what the answers are corrected for."""
    count = len(compared.pairs)
    if count == 1:
        return "One comparison: nothing to correct for"
    return f"What A is stands after Holm's correction for {count} comparisons; intervals not"


def size_text(sweep: OpenedSweep) -> str:
    """Return how many trials of a sweep passed."""
    passed = sum(item.result.status is Status.PASSED for item in sweep.results)
    return f"{passed} of {len(sweep.results)} trials passed"


def _sides(compared: PairedSweeps) -> list[tuple[str, tuple[Configuration, ...]]]:
    return list(zip("AB", compared.alone, strict=True))
