"""The file that trials start from: swept, beside its range file, and the same wherever it lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import plan, planning, still_valid
from espalier.plan.outside_files import weights_file
from espalier.plan.plan import Plan

AXIS = 'CONFIG_INIT_FROM=""|"a.pt"|"b.pt"'


@pytest.fixture(scope="module")
def symbols() -> Symbols:
    return Symbols(tree.parse())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files of weights, whose content is not read by a plan."""
    for name in "ab":
        (tmp_path / f"{name}.pt").write_text(name, encoding="utf-8")
    return tmp_path


def planned(folder: Path, line: str, symbols: Symbols) -> Plan:
    path = folder / "ranges"
    path.write_text(f"CONFIG_PRUNING_METHOD=none\n{line}\n", encoding="utf-8")
    return planning.plan_from_files([path], symbols=symbols)


def test_files_are_an_axis_beside_no_file(folder: Path, symbols: Symbols) -> None:
    made = planned(folder, AXIS, symbols)
    files = ["", str(folder / "a.pt"), str(folder / "b.pt")]
    assert made.axes == [{"symbol": "INIT_FROM", "values": files}]
    assert [trial.swept for trial in made.trials] == [{"INIT_FROM": each} for each in files]
    digests = [trial.config.get("INIT_FROM_SHA256", "") for trial in made.trials]
    assert [len(digest) for digest in digests] == [0, 64, 64] and digests[1] != digests[2]
    assert not [note for note in made.notes if "INIT_FROM" in note]


def test_a_trial_without_a_file_has_the_id_that_it_always_had(
    folder: Path, symbols: Symbols
) -> None:
    (plain,) = planned(folder, "", symbols).trials
    assert "INIT_FROM" not in plain.config
    assert planned(folder, AXIS, symbols).trials[0].id == plain.id


def test_one_content_at_two_places_is_one_trial(folder: Path, symbols: Symbols) -> None:
    (folder / "copy.pt").write_text("a", encoding="utf-8")
    made = planned(folder, 'CONFIG_INIT_FROM="a.pt"|"copy.pt"', symbols)
    assert (len(made.trials), made.counts["same"]) == (1, 1)


def test_each_config_has_its_own_file(folder: Path, symbols: Symbols) -> None:
    made = planned(folder, 'CONFIG_INIT_FROM="a.pt"|""', symbols)
    plan.write_plan(made, folder / "plan", symbols)
    lines = [
        [line for line in text.splitlines() if line.startswith("CONFIG_INIT_FROM=")]
        for _, text in plan.config_texts(folder / "plan", made.trials)
    ]
    assert lines == [[f'CONFIG_INIT_FROM="{folder / "a.pt"}"'], ['CONFIG_INIT_FROM=""']]


def test_trials_with_and_without_a_file_stay_valid(folder: Path, symbols: Symbols) -> None:
    made = planned(folder, AXIS, symbols)
    header = replace(made.header(), kconfig="of another tree")
    still_valid.check_still_valid(header, made.trials, folder)
    odd = replace(made.trials[0], config={**made.trials[0].config, "INIT_FROM": "a.pt"})
    with pytest.raises(UserError, match="is no configuration of today's Kconfig tree"):
        still_valid.check_still_valid(header, [odd], folder)


def test_where_paths_begin_goes_before_the_folder_of_the_range_file(
    folder: Path, symbols: Symbols, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = folder / "base"
    (base / "nested").mkdir(parents=True)
    (base / "a.pt").write_text("another", encoding="utf-8")
    (base / "nested" / "c.pt").write_text("c", encoding="utf-8")
    monkeypatch.setattr(weights_file, "BASE", base)
    first, second = planned(folder, 'CONFIG_INIT_FROM="a.pt"|"b.pt"', symbols).trials
    assert first.config["INIT_FROM"] == "a.pt"
    assert second.config["INIT_FROM"] == str(folder / "b.pt")
    (beside,) = planned(base / "nested", 'CONFIG_INIT_FROM="c.pt"', symbols).trials
    assert beside.config["INIT_FROM"] == "nested/c.pt"


def test_a_missing_file_says_where_it_was_looked_for(folder: Path, symbols: Symbols) -> None:
    with pytest.raises(UserError, match="INIT_FROM=c.pt: No such file .* beside the range file"):
        planned(folder, 'CONFIG_INIT_FROM="c.pt"', symbols)


def test_a_digest_must_be_that_of_its_file(folder: Path, symbols: Symbols) -> None:
    with pytest.raises(UserError, match="is not that of .*a.pt, .* give the file that is meant"):
        planned(folder, 'CONFIG_INIT_FROM="a.pt"\nCONFIG_INIT_FROM_SHA256="12"', symbols)
