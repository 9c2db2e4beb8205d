from __future__ import annotations

from pathlib import Path

import click
import pytest

from espalier.__main__ import load_command, main
from espalier.commands.options.make_variables import GIVEN, GOAL, LEFT_OUT, VERBS_OF, variables
from espalier.commands.targets import sweep


@pytest.fixture(autouse=True)
def _without_make(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (GOAL, GIVEN):
        monkeypatch.setenv(name, "")


def test_it_has_the_variables_of_its_target() -> None:
    both = set().union(*(variables(load_command(verb)) for verb in VERBS_OF["sweep"]))
    assert variables(sweep.command) == both - LEFT_OUT["sweep"]


def test_no_parameter_stands_twice() -> None:
    names = [item.name for item in sweep.command.params]
    options = [name for item in sweep.command.params for name in item.opts]
    assert len(names) == len(set(names))
    assert len(options) == len(set(options))


def test_it_plans_and_then_runs_what_it_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'CONFIG_PRUNING_METHOD="none"\nCONFIG_LEARNING_RATE=0.1|0.2|0.3\n'
    Path("my-range").write_text(text, encoding="utf-8")
    assert main(["sweep", "my-range", "--dry-run", "--set", "LEARNING_RATE=0.1|0.2"]) == 0
    printed = capsys.readouterr().out
    assert "Wrote 2 configurations to sweep_configs/" in printed
    assert printed.splitlines()[-3:] == [
        "would run 2 of 2 trials",
        "config_001 CONFIG_LEARNING_RATE=0.1",
        "config_002 CONFIG_LEARNING_RATE=0.2",
    ]


@pytest.mark.parametrize("name", ["sweep", "sweep-parallel"])
def test_a_file_that_is_not_there_is_one_line_before_anything_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([name, "none-of-these"]) == 2
    assert capsys.readouterr().err.startswith("error: none-of-these: no such range file")
    assert list(tmp_path.iterdir()) == []


def test_it_is_a_command_of_click() -> None:
    assert isinstance(load_command("sweep-parallel"), click.Command)
    assert load_command("sweep-parallel") is sweep.command
