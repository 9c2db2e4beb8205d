from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import toy

from espalier.core.errors import UserError
from espalier.kconfig.symbols import Symbols
from espalier.plan import plan, planning, staleness
from espalier.plan.plan import Plan, read_plan, write_plan

RANGES = """CONFIG_SHAPE=round|square|star
CONFIG_EDGE=1|2
CONFIG_PAINT=y|n
CONFIG_PLACE=there
"""


@pytest.fixture
def symbols(tmp_path: Path) -> Symbols:
    return toy.symbols(tmp_path)


@pytest.fixture
def made(tmp_path: Path, symbols: Symbols) -> Plan:
    return make(tmp_path, symbols, RANGES)


def make(folder: Path, symbols: Symbols, text: str) -> Plan:
    (folder / "ranges").write_text(text, encoding="utf-8")
    return planning.plan_from_files([folder / "ranges"], symbols=symbols)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_round_trip(tmp_path: Path, made: Plan, symbols: Symbols) -> None:
    written = write_plan(made, tmp_path / "out", symbols)
    assert read_plan(tmp_path / "out") == written
    assert replace(written, files="") == made
    header = json.loads(
        (tmp_path / "out" / "plan.jsonl").read_text(encoding="utf-8").splitlines()[0]
    )
    assert header["schema"] == 1
    assert header["trials"] == 8
    assert header["axes"][0] == {"symbol": "SHAPE", "values": ["round", "square", "star"]}
    assert header["settings"]["PLACE"] == "there"
    assert header["sources"][0]["path"] == "ranges"
    assert header["dropped"] == [{"count": 2, "reason": "CONFIG_SHAPE=star needs CONFIG_PAINT"}]
    assert names(tmp_path / "out") == [
        "combinations_summary.txt",
        *[f"config_{n:03}" for n in range(1, 9)],
        "plan.jsonl",
    ]


def test_configs_are_complete_and_olddefconfig_leaves_them(
    tmp_path: Path, made: Plan, symbols: Symbols
) -> None:
    write_plan(made, tmp_path / "out", symbols)
    fresh_tree = toy.symbols(tmp_path).kconf
    for trial in made.trials:
        path = tmp_path / "out" / trial.name
        before = path.read_bytes()
        fresh_tree.load_config(str(path))
        fresh_tree.write_config(str(path))
        assert path.read_bytes() == before
        assert 'CONFIG_PLACE="there"\n' in before.decode()
        assert planning.plan_from_config(path, symbols=symbols).trials[0].id == trial.id
    assert fresh_tree.warnings == []


def test_the_summary_has_the_earlier_layout(tmp_path: Path, made: Plan, symbols: Symbols) -> None:
    write_plan(made, tmp_path / "out", symbols)
    text = (tmp_path / "out" / "combinations_summary.txt").read_text(encoding="utf-8")
    assert text.startswith(
        "Configuration Combinations Summary\n"
        "==================================================\n"
        "\n"
        "Total combinations: 8\n"
        "\n"
        "Variable parameters:\n"
        "  CONFIG_SHAPE: round, square, star\n"
        "  CONFIG_EDGE: 1, 2\n"
        "  CONFIG_PAINT: y, n\n"
        "\n"
        "Left out of 12 combinations:\n"
        "  2: CONFIG_SHAPE=star needs CONFIG_PAINT\n"
        "  2: differ only in symbols that are off\n"
        "\n"
        "Combinations:\n"
        "--------------------------------------------------\n"
        "\n"
        "Configuration 001:\n"
        "  SHAPE: round\n"
        "  PAINT: y\n"
        "\n"
        "Configuration 002:\n"
    )


def test_regenerating_leaves_nothing_behind(tmp_path: Path, made: Plan, symbols: Symbols) -> None:
    out = tmp_path / "out"
    write_plan(made, out, symbols)
    write_plan(make(tmp_path, symbols, "CONFIG_COUNT=1|2"), out, symbols)
    assert names(out) == ["combinations_summary.txt", "config_001", "config_002", "plan.jsonl"]
    assert [path for path in names(tmp_path) if path.startswith(".out")] == []


@pytest.mark.parametrize("name", ["notes.txt", "config_001.orig", ".hidden"])
def test_a_foreign_file_is_never_deleted(
    tmp_path: Path, made: Plan, symbols: Symbols, name: str
) -> None:
    out = tmp_path / "out"
    write_plan(made, out, symbols)
    (out / name).write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match=f"holds {name}, which no plan wrote"):
        write_plan(made, out, symbols)
    assert (out / name).read_text(encoding="utf-8") == "mine"


def test_only_a_folder_with_a_plan_is_replaced(
    tmp_path: Path, made: Plan, symbols: Symbols
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    write_plan(made, out, symbols)  # it was empty
    (out / "plan.jsonl").unlink()
    with pytest.raises(UserError, match="holds combinations_summary.txt, which no plan wrote"):
        write_plan(made, out, symbols)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="is not a folder"):
        write_plan(made, tmp_path / "file", symbols)


def test_names_past_999_keep_their_order(tmp_path: Path, symbols: Symbols) -> None:
    made = make(tmp_path, symbols, "CONFIG_MASK=0:1:999\nCONFIG_SWEEP_MAX_TRIALS=5000")
    assert made.trials[999].name == "config_1000"
    assert made.trials[0].name == "config_0001"
    assert sorted(t.name for t in made.trials) == [t.name for t in made.trials]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "".join(text.splitlines(keepends=True)[:-1]),
        lambda text: text.replace('"schema":1', '"schema":0'),
        lambda text: "[]\n",
        lambda text: text.replace('"number"', '"nummer"'),
    ],
)
def test_a_damaged_plan_is_refused(tmp_path: Path, made: Plan, symbols: Symbols, damage) -> None:
    write_plan(made, tmp_path / "out", symbols)
    path = tmp_path / "out" / "plan.jsonl"
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UserError, match="damaged"):
        read_plan(tmp_path / "out")


def test_the_plan_id_is_that_of_the_trials(tmp_path: Path, made: Plan, symbols: Symbols) -> None:
    again = make(tmp_path, symbols, RANGES.replace("there", "elsewhere"))
    assert again.plan_id == made.plan_id
    assert make(tmp_path, symbols, "CONFIG_COUNT=1|2").plan_id != made.plan_id


def test_a_plan_that_is_fresh(tmp_path: Path, made: Plan, symbols: Symbols) -> None:
    written = write_plan(made, tmp_path / "out", symbols)
    staleness.check_fresh(written, tmp_path)
    staleness.check_files(written, tmp_path / "out", tmp_path)


def test_a_stale_plan(tmp_path: Path, made: Plan) -> None:
    (tmp_path / "ranges").write_text("CONFIG_COUNT=1\n", encoding="utf-8")
    again = r"plan again: make sweep-generate RANGE_CONFIG=ranges"
    with pytest.raises(UserError, match=f"^ranges: changed since the plan was made; {again}"):
        staleness.check_fresh(made, tmp_path)
    several = replace(made, sources=[*made.sources, *made.sources])
    with pytest.raises(UserError, match=r"RANGE_CONFIG='ranges ranges' \(the same trials"):
        staleness.check_fresh(several, tmp_path)
    (tmp_path / "ranges").unlink()
    with pytest.raises(UserError, match=f"^ranges: gone since the plan was made; {again}"):
        staleness.check_fresh(made, tmp_path)


def test_a_plan_of_another_tree(tmp_path: Path, made: Plan) -> None:
    with (tmp_path / "Kconfig").open("a", encoding="utf-8") as file:
        file.write('config NEW\n    bool "New"\n    help\n      Pack: may differ\n')
    with pytest.raises(UserError, match="Kconfig: the tree changed since the plan was made"):
        staleness.check_fresh(made, tmp_path)


def test_files_that_are_not_as_the_plan_wrote_them(
    tmp_path: Path, made: Plan, symbols: Symbols
) -> None:
    out = tmp_path / "out"
    written = write_plan(made, out, symbols)
    edited = out / "config_002"
    edited.write_text(
        edited.read_text(encoding="utf-8").replace('RATE="0.1"', 'RATE="0.2"'), encoding="utf-8"
    )
    with pytest.raises(UserError, match="config_002: edited by hand; plan again"):
        staleness.check_files(written, out, tmp_path)
    edited.unlink()
    with pytest.raises(UserError, match="config_002: missing"):
        staleness.check_files(written, out, tmp_path)
    (out / "config_999").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="config_999: not part of the plan"):
        staleness.check_files(written, out, tmp_path)


def test_an_interrupted_write_leaves_the_old_plan(
    tmp_path: Path, made: Plan, symbols: Symbols, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    written = write_plan(made, out, symbols)
    monkeypatch.setattr(plan.combinations, "summary", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_plan(make(tmp_path, symbols, "CONFIG_COUNT=1"), out, symbols)
    assert read_plan(out) == written
    assert [path for path in names(tmp_path) if path.startswith(".out")] == []


def test_a_folder_in_no_folder(tmp_path: Path, made: Plan, symbols: Symbols) -> None:
    with pytest.raises(UserError, match=f"there is no folder {tmp_path}/no/such; make it first"):
        write_plan(made, tmp_path / "no/such/out", symbols)
