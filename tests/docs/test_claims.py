"""The pages on claims and on power show what the reports say, to the letter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from claim_cases import CLAIM, arms, header
from stored_sweeps import stored
from trial_results import sweep, trial

from espalier.analysis.claims.claim_judging import judge
from espalier.analysis.claims.claim_text import check_claims
from espalier.analysis.confidence import ALPHA
from espalier.core.errors import UserError
from espalier.core.measures import VAL_ACC
from espalier.core.paths import ROOT
from espalier.core.records import PlanHeader
from espalier.plan import planning
from espalier.report.comparing.claims_report import render_claims
from espalier.report.comparing.power_report import Wish, power_lines

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(name: str, kind: str) -> list[str]:
    return [block for language, block in BLOCK.findall(page(name)) if language == kind]


def test_the_page_on_claims_shows_a_report() -> None:
    claims = [CLAIM.format("0.3"), CLAIM.format("1")]
    judged = judge(header(*claims, alpha="0.1"), arms([1.0, 2.0, 3.0]))
    assert judged is not None
    assert render_claims(judged).rstrip() + "\n" in blocks("claims.md", "text")


def test_the_page_on_claims_has_a_range_file_with_as_many_trials_as_it_says(tmp_path: Path) -> None:
    text = blocks("claims.md", "bash")[0]
    (tmp_path / "my-range").write_text(text, encoding="utf-8")
    plan = planning.plan_from_files([tmp_path / "my-range"])
    check_claims(plan.claims, plan.trials)
    assert f"# Total: {len(plan.trials)} trials" in text


def test_the_page_on_claims_shows_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = blocks("claims.md", "bash")[0].replace("=state better", "=stat better")
    (tmp_path / "my-range").write_text(text.replace(" where TARGET_SPARSITY=0.9", ""), "utf-8")
    plan = planning.plan_from_files([Path("my-range")])
    with pytest.raises(UserError) as caught:
        check_claims(plan.claims, plan.trials)
    assert f"    error: {caught.value}\n" in page("claims.md")


def test_the_page_on_results_shows_what_seeds_can_see(tmp_path: Path) -> None:
    stored(tmp_path / "sweep_1", sweep({"a": [90, 91, 92], "b": [90, 92, 94], "c": [90, 93, 96]}))
    places = [(place, seed) for place in range(4) for seed in range(1, 11)]
    trials = [trial(n, seed, WIDTH=str(place)) for n, (place, seed) in enumerate(places, 1)]
    lines = power_lines(PlanHeader(), trials, tmp_path, Wish(VAL_ACC, ALPHA, 0.5), None)
    assert "\n".join(lines[1:]) + "\n" in blocks("results.md", "text")
