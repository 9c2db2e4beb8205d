"""The reports of a sweep, written from its store. The store is the truth; reports can be remade."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from espalier.analysis import controls, effects, pareto
from espalier.analysis.claims.claim_judging import judge
from espalier.analysis.race_standing import standing
from espalier.analysis.rank import Ranking, TrialResult, rank, recorded
from espalier.core.atomic_write import atomic_write
from espalier.core.process import disk_full
from espalier.core.records import PlanHeader
from espalier.core.trial import LOG, Trial
from espalier.kconfig.declared_measures import resolve
from espalier.report import controls_report, effects_report, pareto_report, race_report
from espalier.report.comparing import claims_report
from espalier.report.sweep_analysis import render_analysis
from espalier.report.sweep_summary import summary_text
from espalier.store.results_dir import STORE
from espalier.store.store import Store

SUMMARY = "sweep_summary.json"
ANALYSIS = "sweep_analysis.txt"
EFFECTS = "sweep_effects.json"
CONTROLS = "sweep_controls.json"
DELTAS = "sweep_deltas.json"
PARETO = "sweep_pareto.json"
CLAIMS = "sweep_claims.json"
RACE = "sweep_race.json"

Part = tuple[str, dict[str, str]]
"""A part of sweep_analysis.txt, and the texts of files beside it by name; may be empty."""


def trial_results(store: Store) -> list[TrialResult]:
    """Return every trial of the plan as it stands, in plan order."""
    return [TrialResult(*item) for item in store.final_results()]


def refused(store: Store) -> int:
    """Return how many combinations of the plan Kconfig refused."""
    return store.header.counts.get("invalid", 0)


def ranking_measure(store: Store, results: Iterable[TrialResult], by: str | None = None) -> str:
    """Return what ranks: `by`, else RANK_BY of the environment, that of a race, or of the plan.

    Every measure of it has a direction. Raises UserError if nothing says what that of one is.
    """
    race = store.header.race
    usual = race.by if race else store.setting("RANK_BY")
    return resolve(by or os.environ.get("RANK_BY") or usual, recorded(results))


def write_reports(sweep_dir: Path, by: str | None = None) -> str:
    """Write sweep_summary.json and sweep_analysis.txt; returns the text of the analysis.

    Beside them, where the sweep has what they tell of: sweep_claims.json, sweep_race.json,
    sweep_controls.json and sweep_deltas.json, sweep_pareto.json, sweep_effects.json.
    Works at any time, on a partial sweep too; each file is replaced whole or not at all.
    Raises UserError if the folder has no store or `by` is no ranking measure.
    """
    with Store.open(sweep_dir / STORE, readonly=True) as store:
        results, folders = trial_results(store), store.directories()
        by = ranking_measure(store, results, by)
        left_out, header = refused(store), store.header

    def log(trial: Trial) -> str:
        return str(sweep_dir / folders[trial.number] / LOG)

    ranking = rank(results, by)
    parts = [_controls(ranking, header), _parameters(ranking), _effects(results, by, header)]
    text = render_analysis(results, by, log, left_out, [part for part, _ in parts])
    heads = [_claims(results, header), _race(results, header)]
    text = "".join([*(head for head, _ in heads), text])
    data = {SUMMARY: summary_text(results), ANALYSIS: text}
    for _, files in [*heads, *parts]:
        data |= files
    with disk_full.reported(sweep_dir):
        for name, content in data.items():
            atomic_write(sweep_dir / name, content)
    return text


def _claims(results: Sequence[TrialResult], header: PlanHeader) -> Part:
    """Return the head of the report of a sweep with claims."""
    judged = judge(header, results)
    if judged is None:
        return "", {}
    return claims_report.render_claims(judged), {CLAIMS: claims_report.claims_json(judged)}


def _race(results: Sequence[TrialResult], header: PlanHeader) -> Part:
    """Return the head of the report of a race."""
    if header.race is None:
        return "", {}
    race = standing(results, header.race)
    return race_report.render_race(race), {RACE: race_report.race_json(race)}


def _controls(ranking: Ranking, header: PlanHeader) -> Part:
    compared = controls.comparisons(ranking, header.controls)
    if not compared:
        return "", {}
    texts = (controls_report.controls_json(compared), controls_report.deltas_json(compared))
    files = dict(zip((CONTROLS, DELTAS), texts, strict=True))
    return controls_report.render_controls(compared, ranking), files


def _parameters(ranking: Ranking) -> Part:
    fronts = pareto.fronts(ranking)
    files = {PARETO: pareto_report.pareto_json(fronts)} if fronts else {}
    return pareto_report.render_pareto(ranking), files


def _effects(results: Sequence[TrialResult], by: str, header: PlanHeader) -> Part:
    """Return the main effects of the rows of an array."""
    design = header.design
    if "array" not in design:
        return "", {}
    effect = effects.main_effects(results, by, effects.levels_of(header))
    return effects_report.render_effects(effect, design), {
        EFFECTS: effects_report.effects_json(effect, design)
    }
