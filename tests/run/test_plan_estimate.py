from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.core.trial import Result, Status, Trial
from espalier.plan import planning
from espalier.plan.plan import Plan
from espalier.run import estimate_text, plan_estimate
from espalier.run.plan_estimate import estimate_plan

ENTRY = "epochs_entry:train"
COMMON = {"NUM_EPOCHS": "100", "CPU_THREADS": "1"}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    text = "CONFIG_DATASET=digits\nCONFIG_PRUNING_METHOD=none\nCONFIG_SEED=1|2|3\nCONFIG_DEVICE=cpu"
    (tmp_path / "r").write_text(text + "\nCONFIG_NUM_EPOCHS=100\n", encoding="utf-8")
    return planning.plan_from_files([tmp_path / "r"])


def test_trials_of_several_processes_are_refused(plan: Plan) -> None:
    trials = [replace(t, config={**t.config, "DEVICES_PER_TRIAL": "2"}) for t in plan.trials]
    with pytest.raises(UserError, match="CONFIG_DEVICES_PER_TRIAL=2: trials of several"):
        estimate_plan(replace(plan, trials=trials), 1, 1, ENTRY)


def test_too_many_networks_are_refused(plan: Plan) -> None:
    first = plan.trials[0]
    trials = [replace(first, number=n, id=f"{n}", shape=f"{n}") for n in range(1, 200)]
    with pytest.raises(UserError, match="199 different networks, .* narrow the axes .60 can be"):
        estimate_plan(replace(plan, trials=trials), 1, 1, ENTRY)


def test_epochs_too_unlike_are_refused(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, [1.0, 9.0])
    with pytest.raises(UserError, match="no estimate: epochs took so unlike times that the sweep"):
        estimate_plan(plan, 1, 1, ENTRY)


def test_an_estimate_scales_epochs_and_says_a_range(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, [1.0, 1.0])
    lines = estimate_plan(plan, 1, 1, ENTRY)
    assert lines[0] == "Trials: 3"
    assert lines[1].startswith("Time: 4m")  # 3 trials of 100 epochs of 1 s, less a tenth
    assert " to 5m" in lines[1]
    assert lines[2] == "A trial takes 1m31s to 1m50s; all, one after the other, 4m33s to 5m30s"


def answer(monkeypatch: pytest.MonkeyPatch, seconds: list[float]) -> None:
    """Let every measurement come to epochs of so many seconds."""

    def speeds(probe: object, packs: list[list[Trial]], limit: float) -> list[object]:
        measures = {"startup": 0.0, "finish": 0.0, "trials": 1}
        history = [{"seconds": each} for each in seconds]
        result = Result(Status.PASSED, measures=measures, history=history)
        return [plan_estimate.Measured(tuple(pack), result, 10) for pack in packs]

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "support"))
    monkeypatch.setattr(plan_estimate.SpeedProbe, "speeds", speeds)


def test_programs_are_measured_by_configuration(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four of two configurations, of which nothing says which take equally long."""
    answer(monkeypatch, [1.0, 1.0])
    swept = [("1", "1"), ("2", "1"), ("1", "2"), ("2", "2")]
    trials = [
        replace(
            plan.trials[0], number=n, shape="", config={**COMMON, "SEED": seed, "BATCH_SIZE": width}
        )
        for n, (seed, width) in enumerate(swept, 1)
    ]
    settings = {**plan.settings, "TRAINER": "script"}
    programs = replace(plan, trials=trials, settings=settings)
    assert estimate_plan(programs, 1, 1, ENTRY)[0] == "Trials: 4"
    assert "Measuring 2 configurations of 4 trials ..." in capsys.readouterr().out


def test_of_too_many_programs_some_are_measured_for_all(plan: Plan) -> None:
    trials = [replace(plan.trials[0], config={"WIDTH": f"{n}"}, shape="") for n in range(200)]
    programs = replace(plan, trials=trials)
    assert plan_estimate._by_configuration(programs, 1) is programs


def test_a_plan_whose_configurations_stop_takes_less() -> None:
    rules = {"STOP": "halving", "STOP_REDUCTION": "3", "RANK_BY": "val_acc"}
    assert estimate_text.stop_notes({**rules, "STOP": "none"}) == []
    (note,) = estimate_text.stop_notes(rules)
    assert note.startswith("Configurations stop at rungs (CONFIG_STOP=halving)")
