from __future__ import annotations

import os
import re
from pathlib import Path

import click
import pytest

from espalier.__main__ import load_command, main
from espalier.commands import VERBS
from espalier.commands.options.make_variables import (
    GIVEN,
    GOAL,
    HELD_BY_SHELLS,
    VERBS_OF,
    check_variables,
    take_variables,
    variables,
)
from espalier.core.paths import ROOT


def given(monkeypatch: pytest.MonkeyPatch, goal: str, names: str) -> None:
    monkeypatch.setenv(GOAL, goal)
    monkeypatch.setenv(GIVEN, names)


@pytest.mark.parametrize(
    ("goal", "names", "said"),
    [
        ("sweep-status", "DIRR", "DIRR: is no variable of `make sweep-status`; did you mean DIR?"),
        (
            "sweep",
            "RANGE_CONFIG paralel",
            "paralel: is no variable of `make sweep`; did you mean P",
        ),
        (
            "table",
            "BASELINE V",
            "BASELINE: is no variable of `make table`; it has BEST_PER, DIR, F",
        ),
        ("sweep", "DIR", "DIR: is no variable of `make sweep`; it has ALLOW, ALPHA, BASELINE, BE"),
        (
            "sweep",
            "RANGE_CONFIG SEED",
            "SEED: is no variable of `make sweep`; it has ALLOW, ALPHA, ",
        ),
        ("all", "RANGE_CONFIG", "RANGE_CONFIG: is no variable of `make all`; it has ALLOW, BASELI"),
    ],
)
def test_a_variable_of_no_use_is_named_with_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], goal, names, said
) -> None:
    given(monkeypatch, goal, names)
    verb = {"all": "train", "sweep": "sweep-generate"}.get(goal, goal)
    assert main([verb]) == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")


def test_a_symbol_in_place_of_a_variable_has_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, "sweep", "RANGE_CONFIG NUM_EPOCHS")
    assert main(["sweep-generate"]) == 2
    assert capsys.readouterr().err.endswith('; a symbol is set by SET="NUM_EPOCHS=<values>"\n')


def test_every_misspelt_name_has_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, "sweep-status", "DIRR DIR RANK")
    assert main(["sweep-status"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["DIRR", "RANK"]


def test_the_second_verb_of_a_target_has_variables_too(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, "sweep", "RANGE_CONFIG PARALLEL MAX_TRIALS PACK V PYTHON")
    check_variables("sweep-generate", load_command)


@pytest.mark.parametrize("goal", ["", "test", "sweep"])
def test_a_verb_that_make_did_not_call_for_its_target_is_not_checked(
    monkeypatch: pytest.MonkeyPatch, goal: str
) -> None:
    given(monkeypatch, goal, "NONSENSE")
    check_variables("sweep-run", lambda verb: pytest.fail(f"{verb} was loaded"))


def test_no_command_is_loaded_that_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []

    def load(verb: str) -> click.Command:
        loaded.append(verb)
        return load_command(verb)

    given(monkeypatch, "sweep", "RANGE_CONFIG SAMPLER")
    check_variables("sweep-generate", load)
    assert loaded == ["sweep-generate"]


def test_variables_are_those_of_options_and_arguments() -> None:
    assert variables(load_command("import-config")) == {"FROM", "OUT"}
    assert {"SCENARIO", "DATASET", "BUDGET"} <= variables(load_command("search"))


@pytest.mark.parametrize(
    ("verb", "words", "rest", "given"),
    [
        ("sweep-status", "DIR=a=b --json", "--json", {"DIR": "a=b"}),
        ("sweep", "PARALLEL=2 RANGE_CONFIG=mine", "mine", {"PARALLEL": "2"}),
        ("verdict", "--a LEARNING_RATE=0.1 JSON=", "--a LEARNING_RATE=0.1", {"JSON": ""}),
        ("verdict", "--a=A=1", "--a=A=1", {}),
        ("sweep", "--new PACK=1 -- PACK=2", "--new -- PACK=2", {"PACK": "1"}),
        ("sweep", "./PACK=1 pack=2", "./PACK=1 pack=2", {}),
    ],
)
def test_a_variable_may_stand_among_the_words_and_an_option_keeps_its_value(
    monkeypatch: pytest.MonkeyPatch, verb: str, words: str, rest: str, given: dict[str, str]
) -> None:
    for name in ("DIR", "PARALLEL", "RANGE_CONFIG", "JSON", "PACK", "A", GOAL, GIVEN):
        monkeypatch.setenv(name, "old")
    command = load_command(verb)
    assert take_variables(verb, command, words.split(), alone=False) == rest.split()
    for name, value in given.items():
        assert os.environ[name] == value
    assert os.environ[GOAL] == (verb if given else "old")


def test_alone_what_a_shell_holds_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DIR", "JSON", "A", GOAL, GIVEN):
        monkeypatch.setenv(name, "old")
    command = load_command("sweep-list")
    assert take_variables("sweep-list", command, ["JSON=1"], alone=True) == []
    kept = {name: os.environ.get(name) for name in ("JSON", "A", GOAL, GIVEN)}
    assert kept == {"JSON": "1", "A": "old", GOAL: "sweep-list", GIVEN: "JSON"}


def documented() -> list[tuple[str, str]]:
    """The targets of the pages that are verbs, each with the names of its variables."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    value = r"(?:\"[^\"]*\"|'[^']*'|[^\s`\"']+)"
    lines = re.findall(rf"\bmake ([a-z-]+)((?: [A-Z_]+={value})+)", text)
    given = {(goal, " ".join(re.findall(rf" ([A-Z_]+)={value}", rest))) for goal, rest in lines}
    return sorted(each for each in given if each[0] in VERBS or each[0] in VERBS_OF)


@pytest.mark.parametrize(("goal", "names"), documented())
def test_the_pages_give_no_target_a_variable_that_it_does_not_have(
    monkeypatch: pytest.MonkeyPatch, goal: str, names: str
) -> None:
    given(monkeypatch, goal, names)
    check_variables(VERBS_OF.get(goal, (goal,))[0], load_command)


def test_many_targets_are_documented() -> None:
    assert len(documented()) > 20


def listed(start: str) -> set[str]:
    """The words of a list of the Makefile, which begins behind `start`."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    return set(re.search(rf"{re.escape(start)}([A-Z_ \t]+)", text)[1].split())


def test_what_shells_hold_is_what_the_makefile_takes_for_that() -> None:
    assert listed("$(foreach name,$(filter-out $(COMMAND_LINE),") == HELD_BY_SHELLS


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_variable_is_one_that_shells_hold_or_that_the_makefile_names(verb: str) -> None:
    options = [item for item in load_command(verb).params if isinstance(item, click.Option)]
    names = {str(item.envvar) for item in options if item.envvar}
    assert names <= HELD_BY_SHELLS | listed("GIVEN := ")


def test_the_name_of_a_machine_names_no_sweep(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some shells export the machine's name as NAME, and cmake's users a folder as DIR."""
    for name, value in {"NAME": "my machine!", "DIR": "/nowhere", "NOTE": "a\nb"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(GIVEN, "DIR")
    with load_command("sweep-run").make_context("sweep-run", []) as context:
        values = [context.params[name] for name in ("folder", "name", "note", "parallel")]
    assert values == [Path("/nowhere"), None, None, None]
    monkeypatch.setenv(GIVEN, "NAME DIR")
    assert main(["sweep-run"]) == 2
    assert capsys.readouterr().err.startswith("error: NAME=my machine!: must be letters a-z, ")


def test_a_variable_that_no_shell_holds_needs_no_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GIVEN, raising=False)
    monkeypatch.setenv("PARALLEL", "3")
    with load_command("sweep-run").make_context("sweep-run", []) as context:
        assert context.params["parallel"] == 3
