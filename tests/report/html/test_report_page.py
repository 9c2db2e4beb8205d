"""report.html as a browser reads it: what stands in it, and that all of a store stays text."""

from __future__ import annotations

import gc
from pathlib import Path

import claim_cases
import pytest
from html_pages import HOSTILE, Page
from stored_sweeps import stored
from trial_results import ended, passed, sweep, trial

from espalier.analysis.rank import TrialResult
from espalier.core.records import RaceRecord
from espalier.core.trial import Status
from espalier.report.html.report_page import REPORT
from espalier.report.report_request import ReportRequest
from espalier.report.reports import write_page, write_reports

ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "a", "header", "h1", "h2", "h3", "h4", "p"),
    *("span", "nav", "label", "select", "option", "main", "section", "code", "ul", "li", "strong"),
    *("div", "table", "tr", "th", "td", "br", "dl", "dt", "dd", "script"),
}


def page_of(folder: Path) -> Page:
    return Page((folder / REPORT).read_text(encoding="utf-8"))


def written(folder: Path, results: list[TrialResult], **more: object) -> Page:
    write_reports(stored(folder, results, **more))
    return page_of(folder)


def test_the_page_says_in_words_what_came_out(tmp_path: Path) -> None:
    results = [
        *sweep({"0.85": [90.0, 90.1, 90.2], "0.87": [95.0, 95.2, 95.1]}),
        ended(trial(7, 1, ADAMWPRUNE_BETA1="0.89"), Status.ERROR, "oom", "out of memory"),
    ]
    page = written(tmp_path / "sweep_1", results)
    assert "Best by validation accuracy: config_004, 95.10% +/- 0.25 (n=3)" in page.text
    assert "CONFIG_ADAMWPRUNE_BETA1=0.87" in page.text
    assert "Behind it: 1 of 1 others" in page.text
    assert "Trials: 7 planned: 6 passed, 1 error" in page.text
    assert "config_007 (seed 1): error (oom), 2 attempts: out of memory" in page.text
    assert "config_007_mlp/output.log" in page.text


def test_the_page_says_which_sampler_chose(tmp_path: Path) -> None:
    design = {"sampler": "sobol", "seed": 3, "drawn": 8, "draws": 9}
    hostile = {"LEARNING_RATE": "0.0001~*0.1", "</p><img src=x onerror=alert(1)>": "0~1"}
    results = sweep({"0.85": [90.0]})
    page = written(tmp_path / "s", results, design={**design, "intervals": hostile})
    assert "sobol: 8 configurations in 9 draws, seed 3" in page.text
    assert "CONFIG_LEARNING_RATE: in 0.0001~*0.1" in page.text
    assert "CONFIG_</p><img src=x onerror=alert(1)>: in 0~1" in page.text


def test_the_ranking_stands_in_the_page_without_its_program(tmp_path: Path) -> None:
    page = written(tmp_path / "sweep_1", sweep({"0.85": [90.0, 91.0], "0.87": [95.0, 96.0]}))
    assert "1 config_003 95.50% +/- 6.35 (n=2)" in page.text


def test_a_sweep_without_a_result_has_a_page(tmp_path: Path) -> None:
    page = written(tmp_path / "sweep_1", [ended(trial(1, 1), Status.NOTRUN)])
    assert "No configuration is ranked: no trial has passed" in page.text
    assert page.data["ranking"]["place"] == [0] and page.data["curves"] == []


def test_a_command_for_each_row_names_the_folder_as_a_shell_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "a sweep; rm x"
    page = written(folder, sweep({"0.85": [90.0]}))
    assert page.data["again"] == f"make sweep-again DIR='{folder}'"


def test_what_is_behind_has_the_error_rate_of_the_whole_table(tmp_path: Path) -> None:
    page = written(
        tmp_path / "sweep_1", sweep({"0.85": [90.0, 90.1, 90.2], "0.87": [95.0, 95.2, 95.1]})
    )
    assert "one that is truly best is called so in at most 5% of sweeps" in page.text
    assert not page.data["ranking"]["raced"]


def test_a_baseline_that_is_given_stands_with_its_means(tmp_path: Path) -> None:
    results = [
        passed(trial(2 * n + seed, seed, METHOD=way, LR=lr), score + seed / 10)
        for n, (way, lr, score) in enumerate(
            [("a", "1", 90.0), ("a", "2", 91.0), ("b", "1", 92.0), ("b", "2", 93.0)]
        )
        for seed in (1, 2)
    ]
    folder = stored(tmp_path / "sweep_1", results)
    write_reports(folder, ReportRequest(baseline="METHOD=a"))
    page = page_of(folder)
    assert "Against baseline METHOD=a" in page.text
    assert "CONFIG_METHOD=b, over all: +2.00" in page.text
    assert page.data["forest"]["beside"]["mean"] == pytest.approx([2.0, 2.0])


def test_claims_stand_with_their_numbers(tmp_path: Path) -> None:
    text = claim_cases.CLAIM.format("1")
    header = claim_cases.header(text).as_json()
    results = claim_cases.arms([1.9, 2.0, 2.1])
    page = written(tmp_path / "sweep_1", results, **{**header, "settings": {"RANK_BY": "val_acc"}})
    assert f"CONFIRMED {text}: the difference is more than" in page.text
    assert "sealed 2023-11-14 22:13:20 UTC" in page.text


def test_a_race_stands_with_who_is_left(tmp_path: Path) -> None:
    race = RaceRecord(alpha=0.05, margin=0.0, max_seeds=6, by="val_acc", seeds=["1"])
    results = [
        passed(trial(n, seed, ARM=arm), 90.0 + (arm == "up") * 5 + seed + n % 3 / 9)
        for n, (arm, seed) in enumerate([(a, s) for a in ("up", "down") for s in (1, 2, 3, 4)], 1)
    ]
    page = written(tmp_path / "sweep_1", results, race=race.as_json())
    assert "8 trials spent, of 12 for all seeds of all" in page.text
    assert "a remark alone, since a race gave out the seeds" in page.text
    assert page.data["ranking"]["raced"]
    assert "BEST: the only one left config_001 CONFIG_ARM=up" in page.text
    assert "BEHIND: another one is better config_005" in page.text


def test_growth_exchanges_and_lineages_are_counted(tmp_path: Path) -> None:
    results = [
        passed(trial(1, 1, WAY="grow"), 90.0, growth_events=3, edges_added=120),
        passed(trial(2, 1, WAY="turn"), 91.0, events=4, births=8, deaths=8),
        passed(trial(3, 1, WAY="none"), 92.0),
    ]
    folder = stored(tmp_path / "sweep_1", results)
    (folder / "config_002_mlp").mkdir()
    (folder / "config_002_mlp" / "lineage.csv").touch()
    write_reports(folder)
    text = page_of(folder).text
    assert "config_001 WAY=grow: growth events 3, edges added 120" in text
    assert "config_002 WAY=turn: events: 4; births 8, deaths 8" in text
    assert "config_003 WAY=none:" not in text
    assert "1 trial left a table of births and deaths; the first: config_002_mlp/" in text


def test_only_the_page_of_a_running_sweep_loads_itself_again(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"0.85": [90.0]}))
    write_page(folder)
    assert page_of(folder).data["reload"] == 30
    assert "while it runs" in page_of(folder).text
    assert not (folder / "sweep_summary.json").exists()
    write_reports(folder)
    assert page_of(folder).data["reload"] == 0


@pytest.fixture
def hostile(tmp_path: Path) -> Page:
    """Each text of a store that others may have written."""
    results = [
        passed(trial(1, 1, METHOD=HOSTILE), 90.0, **{f"{HOSTILE[:9]}_loss": 1.0}),
        passed(trial(2, 1, METHOD="none", **{HOSTILE: HOSTILE}), 91.0),
        ended(trial(3, 1, METHOD="lost"), Status.ERROR, HOSTILE, f"line\n{HOSTILE}"),
    ]
    more = {
        "command": HOSTILE,
        "plan_id": HOSTILE,
        "kconfig": HOSTILE,
        "sources": [{"path": HOSTILE, "sha256": HOSTILE}],
        "controls": {"METHOD": ["none"]},
    }
    return written(tmp_path / "<b>&amp;sweep", results, **more)


def test_whatever_a_store_holds_is_no_element_of_the_page(hostile: Page) -> None:
    assert set(hostile.tags) <= ELEMENTS
    assert hostile.tags.count("script") == 2 and hostile.tags.count("style") == 1
    names = {name for _, own in hostile.attributes for name in own}
    assert not any(name.startswith("on") for name in names) and "style" not in names
    assert all("src" not in own for _, own in hostile.attributes)
    links = [own["href"] for tag, own in hostile.attributes if tag == "a"]
    assert all(link and link.startswith("#") for link in links)


def test_whatever_a_store_holds_is_read_as_it_is(hostile: Page) -> None:
    shown = " ".join(HOSTILE.replace("\u2028", "\\u2028").split())
    assert hostile.text.count(shown) >= 5  # value, command, plan, source, failure
    assert "<b>&amp;sweep" in hostile.text
    symbols = {each["name"]: each["texts"] for each in hostile.data["ranking"]["symbols"]}
    assert symbols["METHOD"] == [HOSTILE, "none", "lost"]
    assert symbols[HOSTILE] == [HOSTILE]


def test_the_policy_stands_before_all_that_it_is_about(hostile: Page) -> None:
    assert hostile.tags.index("meta") < hostile.tags.index("style")
    policy = hostile.of("meta", **{"http-equiv": "Content-Security-Policy"})["content"]
    assert policy and policy.startswith("default-src 'none'")


def test_a_page_of_36_trials_is_small(tmp_path: Path) -> None:
    results = sweep({f"0.{n}": [80.0 + n / 7, 81.0 + n / 7, 82.0 + n / 7] for n in range(10, 22)})
    folder = stored(tmp_path / "sweep_1", results)
    write_reports(folder)
    assert (folder / REPORT).stat().st_size < 200_000


def test_the_best_of_each_value_stands_in_the_page_of_a_request_for_it(tmp_path: Path) -> None:
    results = sweep({"0.85": [90.0, 91.0], "0.9": [95.0, 96.1]})
    page = written(tmp_path / "sweep_1", results)
    assert "Best of each value" not in page.text
    write_reports(tmp_path / "sweep_1", ReportRequest(best_per="ADAMWPRUNE_BETA1"))
    page = Page((tmp_path / "sweep_1" / REPORT).read_text(encoding="utf-8"))
    assert "Best of each value" in page.text and "0.85 90.50 ± 6.35 (n=2)" in page.text


def test_what_failed_can_be_run_again_by_a_command(tmp_path: Path) -> None:
    results = [
        *sweep({"0.85": [90.0]}),
        ended(trial(2, 2), Status.FAILED, "diverged", "loss is nan"),
        ended(trial(3, 3), Status.ERROR, "crash", "no memory"),
    ]
    page = written(tmp_path / "sweep_1", results)
    assert f"make sweep-again STATUS=error,failed DIR={tmp_path / 'sweep_1'}" in page.text


def test_the_collector_of_cycles_goes_on_after_a_page(tmp_path: Path) -> None:
    assert gc.isenabled()
    written(tmp_path / "sweep_1", sweep({"0.85": [90.0]}))
    assert gc.isenabled()
