from __future__ import annotations

from pathlib import Path

import guide
import pytest
import toy

from espalier.core.errors import UserError
from espalier.kconfig.symbols import Symbols
from espalier.plan import combinations, plan, planning, range_requests, staleness
from espalier.plan.plan import Plan
from espalier.plan.planning import plan_from_rows


def others(symbols: Symbols) -> list[str]:
    """Switches of all but few optimizers and methods, of which there may be more any day."""
    optimizers = ("sgd", "adam", "adamw", "adamwadv", "adamwspam", "adamwprune")
    pruning = ("none", "magnitude", "movement", "state")
    kept = {
        "OPTIMIZER": ("OPTIMIZER_ENABLE", optimizers),
        "PRUNING_METHOD": ("PRUNING_ENABLE", pruning),
    }
    return [
        f"{switch}_{name.upper()}"
        for choice, (switch, few) in kept.items()
        for name in symbols.members(choice)
        if name not in few
    ]


def planned(folder: Path, text: str, symbols: Symbols) -> Plan:
    path = folder / "ranges"
    path.write_text(text, encoding="utf-8")
    return planning.plan_from_files([path], symbols=symbols)


def test_a_plan_knows_what_its_reports_compare_with(tmp_path: Path, real: Symbols) -> None:
    made = planned(tmp_path, "CONFIG_OPTIMIZER=adamw\nCONFIG_PRUNING_METHOD=none|magnitude\n", real)
    assert made.controls == real.controls
    folder = tmp_path / "plan"
    plan.write_plan(made, folder, real)
    assert plan.read_plan(folder).header().controls == real.controls


@pytest.mark.parametrize(("text", "trials"), guide.BLOCKS)
def test_every_block_of_the_guide_expands_as_printed(
    tmp_path: Path, real: Symbols, text: str, trials: int
) -> None:
    made = planned(tmp_path, guide.whole(text), real)
    assert len(made.trials) == trials
    assert len({t.id for t in made.trials}) == trials
    assert made.counts["invalid"] == 0


def test_the_first_example_of_the_guide_is_what_it_says(tmp_path: Path, real: Symbols) -> None:
    first, *_, last = planned(tmp_path, guide.whole(guide.STEP_1), real).trials
    assert {k: first.config[k] for k in ("MODEL", "OPTIMIZER", "PRUNING_METHOD")} == {
        "MODEL": "resnet18",
        "OPTIMIZER": "adamwprune",
        "PRUNING_METHOD": "state",
    }
    assert first.config["TARGET_SPARSITY"] == "0.7"
    assert dict(first.swept) == {
        "ADAMWPRUNE_WEIGHT_DECAY": "0.03",
        "ADAMWPRUNE_BETA1": "0.85",
        "PRUNING_WARMUP": "7800",
        "PRUNING_RAMP_END_EPOCH": "70",
    }
    assert list(last.swept.values()) == ["0.07", "0.89", "11700", "80"]
    assert (first.name, last.name) == ("config_001", "config_036")


def test_a_change_of_one_range_keeps_the_ids_of_the_others(tmp_path: Path, real: Symbols) -> None:
    text = guide.whole(guide.QUICK)
    before = {t.id for t in planned(tmp_path, text, real).trials}
    wider = text.replace("0.03|0.07", "0.05|0.03|0.07")
    assert before < {t.id for t in planned(tmp_path, wider, real).trials}


def test_trials_of_one_shape_can_differ_in_what_is_no_matter_of_shape(
    tmp_path: Path, real: Symbols
) -> None:
    text = "CONFIG_MLP_WIDTH=8|16\nCONFIG_SEED=1|2\nCONFIG_NUM_EPOCHS=3|4\n"
    trials = planned(tmp_path, text + "CONFIG_PRUNING_METHOD=none\n", real).trials
    shapes = {trial.config["MLP_WIDTH"]: trial.shape for trial in trials}
    assert [trial.shape for trial in trials] == [shapes[t.config["MLP_WIDTH"]] for t in trials]
    assert len(set(shapes.values())) == 2
    assert all(len(shape) == 12 for shape in shapes.values())


def test_several_files_are_merged_left_to_right(tmp_path: Path, real: Symbols) -> None:
    (tmp_path / "a").write_text("CONFIG_NUM_EPOCHS=15\nCONFIG_SEED=1|2\n", encoding="utf-8")
    (tmp_path / "b").write_text("CONFIG_NUM_EPOCHS=16|17\n", encoding="utf-8")
    made = planning.plan_from_files([tmp_path / "a", tmp_path / "b"], symbols=real)
    assert [dict(t.swept) for t in made.trials] == [
        {"NUM_EPOCHS": "16", "SEED": "1"},
        {"NUM_EPOCHS": "16", "SEED": "2"},
        {"NUM_EPOCHS": "17", "SEED": "1"},
        {"NUM_EPOCHS": "17", "SEED": "2"},
    ]
    assert "CONFIG_NUM_EPOCHS=16|17 overrides" in made.notes[0]
    assert made.notes[1:] == ["CONFIG_DATASET is not set, and digits is the default"]
    assert len(made.sources) == 2


def test_a_config_is_one_trial(tmp_path: Path, real: Symbols) -> None:
    real.kconf.unset_values()
    real.kconf.write_config(str(tmp_path / ".config"))
    made = planning.plan_from_config(tmp_path / ".config", symbols=real)
    (trial,) = made.trials
    assert dict(trial.swept) == {}
    assert trial.config["OPTIMIZER"] == "adamwprune"
    assert made.settings["DEVICE"] == "auto"
    assert made.settings["DATA_DIR"] == "data"


def test_a_config_with_every_mode_multiple_is_a_matrix(tmp_path: Path, real: Symbols) -> None:
    real.kconf.unset_values()
    for mode in ("MODEL_MODE", "OPTIMIZER_MODE", "PRUNING_MODE"):
        real.kconf.syms[f"{mode}_MULTIPLE"].set_value("y")
    for name in others(real):
        real.kconf.syms[name].set_value("n")
    real.kconf.write_config(str(tmp_path / ".config"))
    made = planning.plan_from_config(tmp_path / ".config", symbols=real)
    models = len(real.members("MODEL")) - 2  # two take text only
    assert len(made.trials) == 39 * (models - 1) + 6  # one has edges that few methods know
    assert made.settings["MODEL_MODE"] == "single"
    assert {t.config.get("TARGET_SPARSITY") for t in made.trials} == {None, "0.5", "0.7", "0.9"}


def test_a_folder_of_config_files(tmp_path: Path, real: Symbols) -> None:
    for number, rate in [(1, "0.1"), (2, "0.2"), (10, "0.3"), (11, "1e-1")]:
        (tmp_path / f"config_{number}").write_text(
            f"CONFIG_LEARNING_RATE={rate}\n", encoding="utf-8"
        )
    made = planning.plan_from_directory(tmp_path, symbols=real)
    assert [(t.number, t.name, dict(t.swept)) for t in made.trials] == [
        (1, "config_1", {"LEARNING_RATE": "0.1"}),
        (2, "config_2", {"LEARNING_RATE": "0.2"}),
        (3, "config_10", {"LEARNING_RATE": "0.3"}),
    ]
    assert made.counts["same"] == 1
    assert plan.config_text(tmp_path, made.trials[2]) == "CONFIG_LEARNING_RATE=0.3\n"
    staleness.check_fresh(made)


def test_a_folder_without_a_plan_is_read_as_config_files(tmp_path: Path) -> None:
    (tmp_path / "config_001").write_text("CONFIG_SEED=4\n", encoding="utf-8")
    assert [t.config["SEED"] for t in planning.open_plan(tmp_path).trials] == ["4"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CONFIG_SEED=1|2\n", "config_2: means 2 trials, not one"),
        ("CONFIG_SED=1\n", "config_2:1: CONFIG_SED: no such symbol; did you mean CONFIG_SEED?"),
        ('CONFIG_DATA_DIR="x"\n', "config_2: CONFIG_DATA_DIR differs from config_1"),
    ],
)
def test_a_bad_file_in_a_folder(tmp_path: Path, real: Symbols, text: str, message: str) -> None:
    (tmp_path / "config_1").write_text("CONFIG_SEED=7\n", encoding="utf-8")
    (tmp_path / "config_2").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        planning.plan_from_directory(tmp_path, symbols=real)


def test_backups_in_a_folder_are_left_out_with_a_note(
    tmp_path: Path, real: Symbols, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("config_lr0.1", "config_001", "config_001.old"):
        (tmp_path / name).write_text(f"CONFIG_SEED={len(name)}\n", encoding="utf-8")
    made = planning.plan_from_directory(tmp_path, symbols=real)
    assert [trial.name for trial in made.trials] == ["config_001", "config_lr0.1"]
    note = f"note: {tmp_path}: left out, as backups: config_001.old\n"
    assert capsys.readouterr().err == note


def test_every_fault_of_a_folder_is_told(tmp_path: Path, real: Symbols) -> None:
    (tmp_path / "config_1").write_text("CONFIG_SEED=x\nCONFIG_NUM_EPOCHS=0\n", encoding="utf-8")
    (tmp_path / "config_2").write_text("CONFIG_SEED=1\nCONFIG_SED=1\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        planning.plan_from_directory(tmp_path, symbols=real)
    places = [line.removeprefix(f"{tmp_path}/").split(" ")[0] for line in caught.value.lines]
    assert places == ["config_1:1:", "config_1:2:", "config_2:2:"]


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no config_"):
        planning.plan_from_directory(tmp_path)
    with pytest.raises(UserError, match="no plan; make one with"):
        planning.open_plan(tmp_path)


def test_a_range_file_is_found_as_given_or_among_the_defconfigs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "defconfigs"
    folder.mkdir()
    (folder / "small-range").write_text("", encoding="utf-8")
    (folder / "Kconfig.defaults").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_text("", encoding="utf-8")
    assert range_requests.find("mine", tmp_path) == Path("mine")
    assert capsys.readouterr().err == ""
    assert range_requests.find("lenet5/defconfigs/small-range", tmp_path) == folder / "small-range"
    assert capsys.readouterr().err == (
        "note: lenet5/defconfigs/small-range: no such file; taking defconfigs/small-range\n"
    )
    for name in ("smal-range", "small"):
        with pytest.raises(UserError, match=f"{name}: no such range file, .* mean small-range"):
            range_requests.find(name, tmp_path)
    for name in ("", str(folder)):
        with pytest.raises(UserError, match=f"RANGE_CONFIG={name}: is no file; name a range file"):
            range_requests.find(name, tmp_path)
    with pytest.raises(UserError, match="nor defconfigs/lenet; they lie there; make list-def"):
        range_requests.find("lenet", tmp_path)


@pytest.mark.parametrize("kind", ["none", "magnitude", "movement", "state"])
def test_every_method_is_reachable_by_name(tmp_path: Path, real: Symbols, kind: str) -> None:
    optimizer = "adamwprune" if kind in ("none", "state") else "sgd"
    text = f"CONFIG_OPTIMIZER={optimizer}\nCONFIG_PRUNING_METHOD={kind}\n"
    assert planned(tmp_path, text, real).trials[0].config["PRUNING_METHOD"] == kind


def test_axes_show_the_values_that_trials_have(tmp_path: Path, real: Symbols) -> None:
    text = "CONFIG_OPTIMIZER_SELECT_SGD=y|n\nCONFIG_PRUNING_METHOD=none\nCONFIG_SEED=3\n"
    made = planned(tmp_path, text, real)
    assert made.axes == [{"symbol": "OPTIMIZER", "values": ["sgd", "adamwprune"]}]
    off = "".join(f"CONFIG_OPTIMIZER_ENABLE_{o.upper()}=n\n" for o in real.members("OPTIMIZER"))
    text = "CONFIG_OPTIMIZER_MODE_MULTIPLE=y\nCONFIG_PRUNING_MODE_MULTIPLE=y\n"
    off += "".join(f"CONFIG_{name}=n\n" for name in others(real))
    made = planned(tmp_path, text + off.replace("SGD=n", "SGD=y"), real)
    assert made.axes == [
        {"symbol": "PRUNING_METHOD", "values": ["magnitude", "movement", "none"]},
        {"symbol": "TARGET_SPARSITY", "values": ["0.5", "0.7", "0.9"]},
    ]


def test_a_symbol_that_differs_unasked_is_noted() -> None:
    configs = [{"A": "1", "B": "x"}, {"A": "2", "B": "y"}, {"A": "3", "B": "y", "C": "z"}]
    assert combinations.differing(configs, {"A"}) == [
        "CONFIG_B is not set and differs: x (1 trial), y (2 trials)"
    ]
    assert combinations.differing(configs, {"A", "B"}) == []


def test_a_default_that_follows_an_axis_is_noted(tmp_path: Path) -> None:
    digits = "CONFIG_DATASET=digits\n"
    (tmp_path / "r").write_text(f"{digits}CONFIG_OPTIMIZER=sgd|adamwprune\n", encoding="utf-8")
    (note,) = planning.plan_from_files([tmp_path / "r"]).notes
    assert note.startswith("CONFIG_PRUNING_METHOD is not set and differs: ")
    (tmp_path / "r").write_text(
        f"{digits}CONFIG_OPTIMIZER=sgd|adamwprune\nCONFIG_PRUNING_METHOD=none\n", encoding="utf-8"
    )
    assert planning.plan_from_files([tmp_path / "r"]).notes == []


def rows_of(plan):
    return [(t.config["SHAPE"], t.config.get("EDGE"), t.config["COUNT"]) for t in plan.trials]


def test_each_row_is_a_configuration_with_every_value_that_all_share(tmp_path: Path) -> None:
    rows = [{"SHAPE": "square", "EDGE": "2"}, {"SHAPE": "round"}]
    plan = plan_from_rows({"COUNT": "1|2", "LABEL": '"a|b"'}, rows, toy.symbols(tmp_path))
    assert rows_of(plan) == [
        ("square", "2", "1"),
        ("square", "2", "2"),
        ("round", None, "1"),
        ("round", None, "2"),
    ]
    assert {t.config["LABEL"] for t in plan.trials} == {"a|b"}
    assert [axis["symbol"] for axis in plan.axes] == ["COUNT", "SHAPE", "EDGE"]
    assert [dict(t.swept) for t in plan.trials][0] == {
        "COUNT": "1",
        "SHAPE": "square",
        "EDGE": "2",
    }
    assert plan.counts["trials"] == 4


def test_rows_that_come_to_the_same_are_one(tmp_path: Path) -> None:
    rows = [{"RATE": "0.1"}, {"RATE": "1e-1", "SHAPE": "round"}, {"RATE": "0.2"}]
    plan = plan_from_rows({}, rows, toy.symbols(tmp_path))
    assert [t.config["RATE"] for t in plan.trials] == ["0.1", "0.2"]
    assert plan.counts["same"] == 1


def test_a_row_that_is_refused_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = [{"MOST": "5", "COUNT": "6"}, {"MOST": "6", "COUNT": "6"}, {"MOST": "5"}]
    plan = plan_from_rows({}, rows, toy.symbols(tmp_path))
    assert [(t.config["MOST"], t.config["COUNT"]) for t in plan.trials] == [("6", "6"), ("5", "3")]
    assert (plan.counts["invalid"], plan.dropped[0]["count"]) == (1, 1)
    assert "COUNT=6 must be in [1, 5]" in plan.dropped[0]["reason"]


def test_values_of_the_settings_need_not_be_in_every_row(tmp_path: Path) -> None:
    rows = [{"SHAPE": "round"}, {"SHAPE": "square"}]
    plan = plan_from_rows({"EDGE": "7"}, rows, toy.symbols(tmp_path))
    assert rows_of(plan) == [("round", None, "3"), ("square", "7", "3")]


@pytest.mark.parametrize(
    ("base", "rows", "said"),
    [
        ({}, [], "no rows"),
        ({"EDGE": "7"}, [{"SHAPE": "round"}], "what all rows share:1: CONFIG_EDGE=7: never in ef"),
        (
            {},
            [{"LABEL": "x"}, {"EDGE": "7"}],
            "row 2:1: CONFIG_EDGE=7: never in effect: CONFIG_EDGE",
        ),
        ({}, [{"COUNT": "99"}], "CONFIG_COUNT=99: never in effect: CONFIG_COUNT=99 must be in"),
        ({}, [{"COUNTT": "1"}], "CONFIG_COUNTT: no such symbol; did you mean CONFIG_COUNT?"),
        ({}, [{"RATE": "2"}], "CONFIG_RATE=2: must be in (0, 1]"),
    ],
)
def test_what_makes_no_sense_is_one_line(tmp_path: Path, base, rows, said: str) -> None:
    with pytest.raises(UserError) as error:
        plan_from_rows(base, rows, toy.symbols(tmp_path))
    assert said in str(error.value)
    assert "\n" not in str(error.value)
