"""Presets and range files: found, described, and each of them usable."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from covering import rest_nightly

from espalier.__main__ import main
from espalier.analysis.power import detectable_difference
from espalier.core.trial import Status, Task
from espalier.kconfig import defconfigs
from espalier.plan import planning
from espalier.train import worker_entry

RANGES = defconfigs.ranges()
DATA = sorted(Path(defconfigs.ROOT, "defconfigs").glob("on-*"))
DENDRITIC = [
    path
    for path in RANGES
    if path.name.startswith("dendritic-") and "CONFIG_MAX_PARAMS" in path.read_text("utf-8")
]


RECOVERY = "less than an interval after the end of an event"


def trials(*paths: Path) -> list[Mapping[str, str]]:
    return [trial.config for trial in planning.plan_from_files(paths).trials]


@pytest.mark.parametrize("path", RANGES, ids=lambda path: path.name)
def test_every_range_file_is_a_plan_that_measures_after_the_recovery_from_events(path):
    plan = planning.plan_from_files([path])
    assert len(plan.trials) > 1
    assert not [note for note in plan.notes if RECOVERY in note]


SEEN = re.compile(
    r"(\d+) paired seeds detect ([\d.]+) (?:points|nats|deviations of a paired difference) "
    r"\(80 % power, two-sided 0.05\)(?: at a deviation of ([\d.]+))?"
)
NO_COMPARISON = ("seeds", "snapshots", "devices", "normalised", "ladder", "rescue-static")


@pytest.mark.parametrize("path", RANGES, ids=lambda path: path.name)
def test_a_range_file_says_what_difference_its_seeds_can_see(path):
    text = path.read_text(encoding="utf-8")
    seeds = re.findall(r"^CONFIG_SEED=(.*)$", text, re.MULTILINE)
    if not seeds or path.name in {f"digits-{name}-range" for name in NO_COMPARISON}:
        return
    if path.name.endswith("-race-range"):  # takes as many seeds as it needs
        return
    said = SEEN.search(text.replace("\n# ", " "))
    assert said
    first, _, last = seeds[-1].partition(":1:")
    assert int(said[1]) == (int(last) - int(first) + 1 if last else len(first.split("|")))
    expected = detectable_difference(float(said[3] or 1), int(said[1]))
    assert float(said[2]) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("path", "data"),
    rest_nightly(list(itertools.product(DENDRITIC, DATA)), lambda path, data: (path, data)),
    ids=lambda path: path.name,
)
def test_dendritic_networks_fit_their_budget_on_every_data_set(path, data):
    configs = trials(path, data)
    assert len({config["MODEL"] for config in configs}) > (path.name != "dendritic-quick-range")
    assert {config["DATASET"] for config in configs} == {data.name[3:].replace("-", "_")}
    assert all(config.get("DENDRITES_INPUTS") != "0" for config in configs)


def test_the_quick_look_at_dendritic_networks_ends_in_a_report(tmp_path: Path) -> None:
    short = tmp_path / "short"
    widths = "CONFIG_DENDRITES_NEURONS=8|12\nCONFIG_DENDRITES_PER_NEURON=8\n"
    short.write_text(
        widths + "CONFIG_NUM_EPOCHS=4\nCONFIG_SEED=1|2\nCONFIG_PACK=1\n", encoding="utf-8"
    )
    quick = Path(defconfigs.ROOT, "defconfigs", "dendritic-quick-range")
    plan, results = str(tmp_path / "plan"), tmp_path / "results"
    assert main(["sweep-generate", str(quick), str(short), "--output-dir", plan]) == 0
    command = ["sweep-run", "--config-dir", plan, "--output-dir", str(results), "--in-process"]
    assert main(command) == 0
    text = (results / "sweep_analysis.txt").read_text(encoding="utf-8")
    assert "CONFIG_PRUNING_METHOD=resampling against none:" in text and "PARAMETERS:" in text
    (front,) = json.loads((results / "sweep_pareto.json").read_text(encoding="utf-8"))
    assert all(1600 <= item["live_parameters"] <= 2000 for item in front["configurations"])


@pytest.mark.parametrize("path", defconfigs.paths(), ids=lambda path: path.name)
def test_every_file_describes_itself_in_a_line(path):
    assert 20 <= len(defconfigs.description(path)) <= 98
    assert f"- {defconfigs.description(path)}" in defconfigs.listing()


def test_the_quick_start_is_twelve_configurations_with_three_seeds():
    configs = trials(Path(defconfigs.ROOT, "defconfigs", "digits-adamwprune-range"))
    assert len(configs) == 36
    assert {config["SEED"] for config in configs} == {"1", "2", "3"}
    assert len({tuple(sorted((config | {"SEED": ""}).items())) for config in configs}) == 12


def test_the_comparison_of_methods_is_fair():
    """Trials of one seed differ only in the method, what belongs to it, and its optimizer."""
    configs = trials(Path(defconfigs.ROOT, "defconfigs", "digits-methods-range"))
    shared = ["MODEL", "DATASET", "NUM_EPOCHS", "BATCH_SIZE", "LEARNING_RATE", "LR_SCHEDULE"]
    assert len({tuple(config[name] for name in shared) for config in configs}) == 1
    pruned = [config for config in configs if config["PRUNING_METHOD"] != "none"]
    schedule = [
        name for name in pruned[0] if name.startswith("PRUNING_") and name != "PRUNING_METHOD"
    ]
    assert len({tuple(config[name] for name in schedule) for config in pruned}) == 1
    own = {"beta": set(), "decay": set(), "epsilon": set()}
    for config in configs:
        prefix = config["OPTIMIZER"].upper()
        own["beta"].add((config[f"{prefix}_BETA1"], config[f"{prefix}_BETA2"]))
        own["decay"].add(config[f"{prefix}_WEIGHT_DECAY"])
        own["epsilon"].add(config[f"{prefix}_EPSILON"])
    assert {len(values) for values in own.values()} == {1}


def test_a_switched_off_symbol_is_not_part_of_the_leading_comment():
    text = "# What it is\n# and more\n# CONFIG_X is not set\n# later\n"
    assert defconfigs.leading_comment(text) == "# What it is\n# and more\n"


FOLDER = Path(defconfigs.ROOT, "defconfigs")
SHORT = """
CONFIG_TRAIN_SUBSET=128
CONFIG_BATCH_SIZE=4
CONFIG_NUM_EPOCHS=4
CONFIG_DEVICE_CPU=y
"""  # 128 steps

# (preset, what it is to do, how often at least)
CASES = [
    ("lenient-rewiring", "sparse_events", 20),
    ("lenient-pruning", "final_sparsity", 0.69),
    ("lenient-apoptosis", "events", 10),
    ("lenient-growth", "growth_events", 2),
]


def test_every_lenient_preset_is_tried() -> None:
    assert {path.name for path in FOLDER.glob("lenient-*")} == {case[0] for case in CASES}


@pytest.mark.parametrize(("preset", "measure", "least"), CASES)
def test_the_mechanism_acts_within_a_few_steps(
    preset: str, measure: str, least: float, tmp_path: Path
) -> None:
    short = tmp_path / "short"
    short.write_text(SHORT, encoding="utf-8")
    plan = planning.plan_from_files([FOLDER / preset, short])
    (trial,) = plan.trials
    assert plan.settings["DEBUG_CHECKS"] == "y"
    result = worker_entry.train_trial(Task.single(trial, plan.settings, tmp_path))
    assert result.status is Status.PASSED, result.message
    assert result.measures[measure] >= least
