"""The reports of a sweep, written from its store. The store is the truth; reports can be remade."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from espalier.analysis import effects, pareto
from espalier.analysis.confidence import t_quantile
from espalier.analysis.rank import Ranking, TrialResult, rank, recorded
from espalier.core.atomic_write import atomic_write
from espalier.core.process import disk_full
from espalier.core.trial import LOG, Trial
from espalier.kconfig.declared_measures import resolve
from espalier.plan.sweep_naming import naming_lines
from espalier.report import (
    controls_report,
    effects_report,
    pareto_report,
    race_report,
    report_stamp,
    sampler_report,
    stopping_report,
    templates,
)
from espalier.report.comparing import (
    claims_report,
    ranking_json,
)
from espalier.report.html.page_input import PageInput
from espalier.report.html.report_page import REPORT, render_page
from espalier.report.masks import mask_report
from espalier.report.masks.logged_masks import logged_masks
from espalier.report.measures.plasticity_report import render_plasticity
from espalier.report.report_request import USUAL, Part, ReportRequest
from espalier.report.sweep_analysis import render_analysis
from espalier.report.sweep_summary import summary_text
from espalier.report.tables.trial_tables import TrialFolders
from espalier.store.results_dir import STORE
from espalier.store.store import Store

SUMMARY = "sweep_summary.json"
ANALYSIS = "sweep_analysis.txt"
RANKING = "sweep_ranking.json"
EFFECTS = "sweep_effects.json"
CONTROLS = "sweep_controls.json"
DELTAS = "sweep_deltas.json"
PARETO = "sweep_pareto.json"
RACE = "sweep_race.json"
STOPPED = "sweep_stopped.json"
CLAIMS = "sweep_claims.json"


def trial_results(store: Store) -> list[TrialResult]:
    """Return every trial of the plan as it stands, in plan order."""
    return [TrialResult(*item) for item in store.final_results()]


def ranking_measure(store: Store, results: Iterable[TrialResult], by: str | None = None) -> str:
    """Return what ranks: `by`, else RANK_BY of the environment, that of a race, or of the plan.

    Every measure of it has a direction. Raises UserError if nothing says what that of one is.
    """
    race = store.header.race
    usual = race.by if race else store.setting("RANK_BY")
    return resolve(by or os.environ.get("RANK_BY") or usual, recorded(results))


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the collector of cycles rest: of the millions of objects of a large store it frees none.

    To look through them again and again would take a quarter of the time of its page.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def prepare() -> None:
    """Import and compile what the reports of every sweep take, while there is time for that."""
    templates.prepare()
    t_quantile(1)


def write_reports(sweep_dir: Path, request: ReportRequest = USUAL) -> str:
    """Write sweep_summary.json, sweep_ranking.json, sweep_analysis.txt; returns the text of that.

    Last comes report.html, so that the others are there whatever becomes of it.

    Beside them, where the sweep has what they tell of: sweep_race.json, sweep_stopped.json,
    sweep_claims.json, sweep_controls.json and sweep_deltas.json, sweep_pareto.json,
    sweep_effects.json; and where the `request` has them, sweep_baseline.json and
    sweep_best_per.json.
    Works at any time, on a partial sweep too; each file is replaced whole or not at all.
    Raises UserError if the folder has no store or has not what the request names.
    """
    return write_reports_of(read_for_reports(sweep_dir, request), request)


@uncollected()
def write_reports_of(page: PageInput, request: ReportRequest) -> str:
    """Write the same of a sweep that has been read."""
    results, ranking, sweep_dir = page.results, page.ranking, page.folder

    def log(trial: Trial) -> str:
        return str(sweep_dir / page.directories[trial.number] / LOG)

    parts = [
        *request.parts(ranking),
        _controls(page),
        _parameters(ranking),
        (render_plasticity(ranking), {}),
        _effects(page),
        _masks(page),
    ]
    heads = [_naming(page), _claims(page), _race(page), _sampler(page), _stopping(page)]
    body = render_analysis(results, ranking, log, page.header.refused, [part for part, _ in parts])
    text = "".join([*(part for part, _ in heads), body])
    data = {
        SUMMARY: summary_text(results, page.header),
        ANALYSIS: text,
        RANKING: ranking_json.ranking_json(ranking),
    }
    for _, files in [*heads, *parts]:
        data |= files
    write_files(sweep_dir, data)
    data[REPORT] = render_page(page)
    write_files(sweep_dir, {REPORT: data[REPORT]})
    report_stamp.write(sweep_dir, page.inputs, data)
    return text


def refresh_reports(page: PageInput, request: ReportRequest) -> None:
    """Write the reports of a sweep that has been read, unless they are there as they would be."""
    if not report_stamp.is_current(page.folder, page.inputs):
        write_reports_of(page, request)


@uncollected()
def write_page(sweep_dir: Path, request: ReportRequest = USUAL) -> None:
    """Write report.html alone, as that of a sweep that runs: it loads itself again.

    Raises as `write_reports` does.
    """
    page = read_sweep(sweep_dir, request, running=True)
    write_files(sweep_dir, {REPORT: render_page(page)})


@uncollected()
def read_sweep(sweep_dir: Path, request: ReportRequest, running: bool = False) -> PageInput:
    """Return the sweep as its store has it now, ranked. Raises as `write_reports` does."""
    with Store.open(sweep_dir / STORE, readonly=True) as store:
        results, folders = trial_results(store), store.directories()
        by, header = ranking_measure(store, results, request.by), store.header
    ranking = rank(results, by, header.race is not None)
    return PageInput(
        sweep_dir,
        header,
        results,
        folders,
        ranking,
        time.time(),
        request.beside(ranking),
        request.best_per_cells(ranking),
        running,
    )


def read_for_reports(sweep_dir: Path, request: ReportRequest) -> PageInput:
    """Return the same with the hash of all that its reports are made from, as of before that."""
    with Store.open(sweep_dir / STORE, readonly=True) as store:
        inputs = report_stamp.inputs(store, sweep_dir, request.options)
    return replace(read_sweep(sweep_dir, request), inputs=inputs)


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts into a folder, by name; each file is replaced whole or not at all."""
    with disk_full.reported(folder):
        for name, content in files.items():
            atomic_write(folder / name, content)


def _naming(page: PageInput) -> Part:
    """Return what the sweep is called and what is said of it."""
    lines = naming_lines(page.header)
    return "\n".join([*lines, "", ""]) if lines else "", {}


def _race(page: PageInput) -> Part:
    """Return the head of the report of a race."""
    race = page.race
    if race is None:
        return "", {}
    return race_report.render_race(race), {RACE: race_report.race_json(race)}


def _stopping(page: PageInput) -> Part:
    """Return the head of the report of a sweep whose configurations stop early."""
    stopping = page.stopping
    if stopping is None:
        return "", {}
    files = {STOPPED: stopping_report.stopping_json(stopping)}
    return stopping_report.render_stopping(stopping), files


def _sampler(page: PageInput) -> Part:
    """Return the head of the report of a sampler that draws or learns."""
    return sampler_report.render_sampler(page.header.design), {}


def _claims(page: PageInput) -> Part:
    judged = page.judged
    if judged is None:
        return "", {}
    return claims_report.render_claims(judged), {CLAIMS: claims_report.claims_json(judged)}


def _controls(page: PageInput) -> Part:
    compared = page.compared
    if not compared:
        return "", {}
    texts = (controls_report.controls_json(compared), controls_report.deltas_json(compared))
    files = dict(zip((CONTROLS, DELTAS), texts, strict=True))
    return controls_report.render_controls(compared, page.ranking), files


def _parameters(ranking: Ranking) -> Part:
    fronts = pareto.fronts(ranking)
    files = {PARETO: pareto_report.pareto_json(fronts)} if fronts else {}
    return pareto_report.render_pareto(ranking), files


def _masks(page: PageInput) -> Part:
    """Return what masks did, of the trials that logged their events."""
    folders = TrialFolders(page.folder, page.directories)
    return mask_report.render_masks(list(logged_masks(page.header, page.ranking, folders))), {}


def _effects(page: PageInput) -> Part:
    """Return the main effects of the rows of an array."""
    design = page.header.design
    if "array" not in design:
        return "", {}
    effect = effects.main_effects(page.results, page.ranking.by, effects.levels_of(page.header))
    return effects_report.render_effects(effect, design), {
        EFFECTS: effects_report.effects_json(effect, design)
    }
