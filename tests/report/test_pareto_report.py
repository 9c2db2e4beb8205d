from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pareto_cases import on_several_data_sets, only, waiting, with_a_lost_seed
from stored_sweeps import stored
from trial_results import nets, passed, trial

from espalier.analysis.rank import TrialResult, rank
from espalier.report.pareto_report import pareto_json, render_pareto
from espalier.report.reports import write_reports

SCENARIOS: dict[str, Callable[[], list[TrialResult]]] = {
    "seeds": lambda: nets((100, [70.0, 80.0]), (2500, [73.0, 85.0]), (3000, [60.0, 60.0])),
    "one_seed": lambda: nets((100, [70.0]), (200, [80.0])),
    "lost_seed": with_a_lost_seed,
    "waiting": waiting,
    "data_sets": on_several_data_sets,
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_text(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"pareto_{name}", render_pareto(rank(SCENARIOS[name]())))


def test_text_of_a_loss(golden: Callable[[str, str], None]) -> None:
    results = nets((100, [2.0]), (200, [1.0]), (300, [1.5]), by="val_loss")
    golden("pareto_loss", render_pareto(rank(results, "val_loss")))


def test_text_of_several_measures(golden: Callable[[str, str], None]) -> None:
    results = nets((100, [70.0, 80.0]), (2500, [73.0, 85.0]), (3000, [60.0, 60.0]))
    several = "val_acc,total_time,live_parameters:max"
    fast = [passed(trial(7, 1, WIDTH="9"), 50.0, total_time=1.0)]
    pages = [render_pareto(rank(results, several)), render_pareto(rank(results + fast, several))]
    golden("pareto_several", "\n".join([*pages, render_pareto(rank(results, "val_acc,test_acc"))]))


def test_text_with_the_published_efficiency(golden: Callable[[str, str], None]) -> None:
    costs = ((100, 70.0, 1_000.0), (2500, 80.0, 50_000.0), (3000, 60.0, 30_000.0))
    results = [
        passed(trial(k, 1, WIDTH=str(size)), score, live_parameters=size, cost_to_min_loss=cost)
        for k, (size, score, cost) in enumerate(costs, 1)
    ]
    golden("pareto_efficiency", render_pareto(rank(results)))


def test_none_has_all_of_several_measures() -> None:
    text = render_pareto(rank(nets((100, [70.0])), "val_acc,cost:min"))
    assert "None: no configuration has all of them." in text
    assert "Left out, since they have no finite cost: 1 configurations" in text


def test_the_same_as_json() -> None:
    (record,) = json.loads(pareto_json([only(nets((100, [70.0, 80.0]), (2500, [73.0, 85.0])))]))
    assert (record["by"], record["more_is_better"]) == ("val_acc", True)
    assert [point["config_file"] for point in record["front"]] == ["config_001", "config_003"]
    assert record["front"][1]["gain"]["mean"] == 4.0
    assert record["configurations"][0] == {
        "config_file": "config_001",
        "live_parameters": 100.0,
        "means": {"val_acc": 75.0, "live_parameters": 100.0},
        "mean": 75.0,
        "half_width": pytest.approx(63.53, rel=1e-3),
        "n": 2,
        "per_1000_parameters": 750.0,
        "cost_efficiency": None,
        "values": {"CONFIG_WIDTH": 0},
    }
    assert record["smallest_within_one_standard_error"] == "config_001"


def test_the_reports_of_a_sweep_whose_networks_differ_in_size(tmp_path: Path) -> None:
    folder = stored(tmp_path / "s", nets((100, [70.0]), (200, [80.0])))
    text = write_reports(folder)
    assert text.index("TOP 10") < text.index("PARAMETERS:") < text.index("FAILED TESTS")
    assert (
        len(json.loads((folder / "sweep_pareto.json").read_text(encoding="utf-8"))[0]["front"]) == 2
    )
