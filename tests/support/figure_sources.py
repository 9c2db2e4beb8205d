"""What figures are drawn from, made by hand: plain results, and names that mean ill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from trial_results import passed, trial

from espalier.analysis.rank import TrialResult, recorded
from espalier.core.records import PlanHeader
from espalier.kconfig.declared_measures import resolve
from espalier.report.comparing.opened_sweeps import OpenedSweep
from espalier.report.figures.figure_input import FigureInput, FigureWishes

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "$x^$ _a_ \\frac{1}{0} 50% & #",
    "line\nbreak\x1b[31m\ttab",
    "\N{ROCKET} \N{GREEK SMALL LETTER OMEGA} \u4e2d\u6587",
    "w" * 10_000,
)


def source_of(
    results: list[TrialResult],
    by: str = "val_acc",
    folder: Path = Path("sweep_1"),
    groups: Sequence[str] = (),
    **wishes: Any,
) -> FigureInput:
    """The input of figures of a sweep that is nowhere; `groups` are the symbols of BY."""
    header = PlanHeader.from_json({"settings": {"RANK_BY": by}})
    opened = OpenedSweep(folder, header, tuple(results), resolve(by, recorded(results)))
    return FigureInput(folder, opened, FigureWishes(by=groups, **wishes))


def with_header(source: FigureInput, **parts: Any) -> FigureInput:
    """The same input, of a sweep whose header has other parts."""
    assert source.sweep
    header = replace(source.sweep.header, **parts)
    return replace(source, sweep=replace(source.sweep, header=header))


def grid(
    methods: tuple[str, ...] = ("state", "magnitude"),
    sparsities: tuple[str, ...] = ("0.5", "0.8", "0.9", "0.95"),
    seeds: int = 3,
    symbol: str = "PRUNING_METHOD",
) -> list[TrialResult]:
    """A trial for each method, sparsity and seed, with sizes and three epochs of history."""
    made: list[TrialResult] = []
    for place, method in enumerate(methods):
        for sparsity in sparsities:
            for seed in range(1, seeds + 1):
                item = trial(len(made) + 1, seed, **{symbol: method, "TARGET_SPARSITY": sparsity})
                score = 98 - 20 * float(sparsity) ** 4 - 2 * place + 0.3 * seed
                made.append(_ended(item, score, float(sparsity)))
    return made


def _ended(item: Any, score: float, sparsity: float) -> TrialResult:
    result = passed(
        item, score, final_sparsity=sparsity, live_parameters=1000 * (1 - sparsity), steps=30
    )
    epochs = [
        {"epoch": epoch, "step": 10 * epoch, "val_acc": score - 10 / epoch} for epoch in (1, 2, 3)
    ]
    result.result.history.extend(epochs)
    return result
