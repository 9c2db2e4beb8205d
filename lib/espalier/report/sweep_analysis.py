"""sweep_analysis.txt: the ranking for people, in the form of the sweep guide.

The page is templates/sweep_analysis.txt. The guide's lines are kept to the letter; what it does
not have (intervals, seeds, failures, what to do next) stands on lines of its own. Plain ASCII, so
that any terminal shows it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from espalier.analysis.caveats import notes
from espalier.analysis.confidence import ALPHA, Verdict, has_spread
from espalier.analysis.multiple_best import pair_level
from espalier.analysis.multiple_tests import more_seeds
from espalier.analysis.rank import (
    SLACK,
    Configuration,
    Ranking,
    TrialResult,
    comparable,
    recorded,
    swept_values,
)
from espalier.core.measures import MEASURES, Measure, listed
from espalier.core.trial import Status, Trial
from espalier.report import failure_rows, ranking_rows
from espalier.report.templates import ANALYSIS, render

TOP = 10
USUAL_SEEDS, MOST_SEEDS = 10, 100
"""Seeds to advise at least, and at most: what takes more is too close to be worth the time."""
LISTED = 50  # failed trials listed one by one; the others are in sweep_summary.json


def render_analysis(
    results: Sequence[TrialResult],
    ranking: Ranking,
    log: Callable[[Trial], str],
    refused: int = 0,
    parts: Sequence[str] = (),
) -> str:
    """Return the whole report. `log` gives the path of a trial's log.

    `refused` counts the combinations that Kconfig refused, so that they never became trials.
    `parts` are texts of further parts, such as that on controls; empty ones are left out.
    """
    every = ranking.ranked + ranking.unranked
    failed = failure_rows.not_passed(results)
    reasons = Counter(f"{item.result.status}, {item.result.reason}" for item in failed)
    return render(
        ANALYSIS,
        TOP=TOP,
        LISTED=LISTED,
        rows=ranking_rows,
        results=results,
        ranking=ranking,
        best=ranking.best,
        log=log,
        tested=sum(any(_was_run(trial) for trial in item.results) for item in every),
        planned=len(every),
        counts=counts(results, refused),
        method=method(ranking),
        nothing=None if ranking.best else nothing(ranking),
        **_best(ranking),
        targets=ranking_rows.best_per_target(ranking),
        parts=parts,
        failed=failed,
        failures=failure_rows.grouped_failures(failed),
        failure_line=failure_rows.failure_line,
        numberless=numberless(ranking),
        name_trials=failure_rows.name_trials,
        reasons=reasons.most_common(),
        unmet=[item for item in results if abs(item.shortfall) > SLACK],
        number=Counter(item.result.status for item in results),
        one_seed=any(item.score and item.score.n == 1 for item in ranking.ranked),
        more_seeds=seeds_to_plan(ranking),
    )


def counts(results: Sequence[TrialResult], refused: int = 0) -> list[str]:
    """Return trials by status, as `Trials: 36 planned: 35 passed, 1 failed`, and those refused."""
    number = Counter(item.result.status for item in results)
    parts = [f"{number[status]} {status}" for status in Status if number[status]]
    lines = [f"Trials: {len(results)} planned: " + (", ".join(parts) or "none")]
    return lines + [f"Not planned: {refused} combinations that Kconfig refused"] * (refused > 0)


def method(ranking: Ranking) -> list[str]:
    """Return what the ranking is by, and what speaks against it."""
    name = ranking.measure.label
    if not ranking.measure.tested:
        plain = f"Ranked by: {_directed(ranking.measure)}, mean over seeds, with 95% t-intervals"
        return [plain, *_guarantee(ranking), *notes(ranking)]
    return [
        f"Ranked by: {name} on request (optimistic: what was picked by its {name}",
        "  looks better there than it will on new data), mean over seeds, 95% t-intervals",
        *_guarantee(ranking),
        *notes(ranking),
    ]


def _guarantee(ranking: Ranking) -> list[str]:
    """Return what `behind` guarantees, and what not; nothing where nothing is compared."""
    said = [item.verdict for item in ranking.ranked[1:]]
    if not any(each is not Verdict.UNKNOWN for each in said):
        return []
    if ranking.raced:
        return ["Behind the best: a remark alone, since a race gave out the seeds; its words hold"]
    return [
        f"Behind the best: one that is truly best is called so in at most {ALPHA:.0%} of sweeps,",
        "  however many there are, if differences are normal and seeds were set beforehand;",
        "  of several equally good ones each runs that risk. Not behind is neither equal nor best.",
    ]


def _directed(by: Measure) -> str:
    """Return the label, with the direction where the name does not say it."""
    if by == MEASURES.get(by.name):
        return by.label
    return f"{by.label} ({'more' if by.larger else 'less'} is better)"


def nothing(ranking: Ranking) -> str:
    """Return why no configuration is ranked."""
    trials = [trial for item in ranking.unranked for trial in item.results]
    if not any(item.result.status is Status.PASSED for item in trials):
        return "no trial has passed, so there is nothing to rank."
    available = [name for name in recorded(trials) if not name.startswith("test_")]
    reason = f"RANK_BY={ranking.by}: no trial that passed has a finite {ranking.measure.label}"
    return f"{reason}; there is {listed(available) or 'nothing to rank by'}."


def tied(ranking: Ranking) -> list[Configuration]:
    """Return the configurations that the seeds do not tell from the best."""
    return [item for item in ranking.ranked[1:] if item.verdict is Verdict.TIED]


def seeds_to_plan(ranking: Ranking) -> int | None:
    """Return how many seeds may tell a further configuration from the best; more than planned.

    None where seeds are not what lacks: all are told apart, the planned ones would do if all had
    passed, a difference is so small that no number to advise shows it, or a race gives them out.
    """
    draws = {trial.draw for item in ranking.configurations for trial in item.results}
    splits = len({draw[1:] for draw in draws})
    needed = None if ranking.raced else _draws_needed(ranking)
    if needed is None:
        return None
    seeds = USUAL_SEEDS if needed > MOST_SEEDS * splits else math.ceil(needed / splits)
    advised, planned = max(USUAL_SEEDS, seeds), len({draw[0] for draw in draws})
    return advised if advised > planned else None


def _draws_needed(ranking: Ranking) -> float | None:
    """Return how many draws tell the next configuration from the best; None if none is tied."""
    leads = [item.lead for item in tied(ranking) if item.lead and has_spread(item.lead)]
    level = pair_level(ranking.tested) if leads else ALPHA
    return min((lead.n + more_seeds(lead, level) for lead in leads), default=None)


def numberless(ranking: Ranking) -> list[TrialResult]:
    """Return trials that passed without what ranks; of an empty ranking `nothing` says it."""
    every = (ranking.ranked + ranking.unranked) if ranking.ranked else ()
    return [trial for item in every for trial in ranking_rows.passed_without(item)]


def _was_run(item: TrialResult) -> bool:
    return item.result.status not in (Status.NOTRUN, Status.RUNNING)


def _best(ranking: Ranking) -> dict[str, object]:
    """Return what the page says of the best configuration alone; nothing if there is none."""
    best = ranking.best
    if best is None:
        return {}
    return {
        "best_files": [item.trial.name for item in best.counted],
        "seeds": [f"{_seed(item)} ({item.trial.name})" for item in best.counted],
        "why_incomplete": _why_incomplete(ranking),
        "hyperparameters": _hyperparameters(best.first),
        "beside": beside_best(ranking),
    }


def beside_best(ranking: Ranking) -> dict[str, int]:
    """Return how many others stand in which way to the best; empty if there is none."""
    best, others = ranking.best, ranking.ranked[1:]
    if best is None:
        return {}
    alike = [item for item in others if item.samples == best.samples]
    met = [item for item in others if comparable(item, best)]
    unclear = "Not compared with it (under 2 common seeds, or one difference on all)"
    return {
        "Behind it": sum(item.verdict is Verdict.BEHIND for item in others),
        "Ranked last, target sparsity not reached": sum(bool(item.short) for item in others),
        "Other validation samples, not comparable with it": len(others) - len(alike),
        "Same score, later in the plan": sum(map(ranking.level, others)),
        "Not distinguishable from it (those included)": len(tied(ranking)),
        unclear: sum(item.verdict is Verdict.UNKNOWN for item in met),
    }


def _seed(item: TrialResult) -> str:
    """Return the seed of a trial, and that of its split where it varies."""
    split = item.trial.swept.get("SPLIT_SEED")
    return item.seed if split is None else f"{item.seed} split {split}"


def _why_incomplete(ranking: Ranking) -> str:
    if any(item.complete for item in ranking.ranked):
        return "those that passed on all of their seeds missed their target sparsity"
    return "no configuration has a number for all of its seeds"


def _hyperparameters(trial: Trial) -> dict[str, str]:
    """Return the swept symbols, and the target sparsity, which the guide shows even when fixed."""
    fixed = {name: trial.config[name] for name in ("TARGET_SPARSITY",) if name in trial.config}
    return {**swept_values(trial), **fixed}
