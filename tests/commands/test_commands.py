"""Every verb is listed with help, needs no torch to say what it takes, and is what make calls."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from espalier import commands
from espalier.__main__ import main, module_name
from espalier.commands import VERBS
from espalier.core.paths import ROOT

"""Files of the room that hold no verb."""
HELP = """
import sys
sys.modules["torch"] = None  # an import of it fails
from espalier.__main__ import main
from espalier.commands import VERBS
for verb in VERBS:
    print("==", verb, flush=True)
    assert main([verb, "--help"]) == 0
"""
IMPORTED = """
import sys
from espalier.__main__ import main
main(sys.argv[1:])
print(sorted(name for name in sys.modules if name.startswith("espalier.commands.")))
"""


def python(code: str, *words: str, **environment: str) -> str:
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment or None)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_is_a_verb_and_every_verb_a_file() -> None:
    root = Path(str(commands.__file__)).parent
    paths = [path.relative_to(root).with_suffix("") for path in root.rglob("*.py")]
    files = {".".join(path.parts) for path in paths if path.name != "__init__"}
    verbs = {name for name in files if not name.startswith(("options.", "starters."))}
    assert verbs == {module_name(verb) for verb in VERBS}


def test_every_verb_is_listed_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = re.findall(r"^  ([a-z-]+)  +(\S.*)$", capsys.readouterr().out, re.MULTILINE)
    assert {verb for verb, _ in lines} - {"-h"} >= set(VERBS)
    assert dict(lines).items() >= VERBS.items()  # each on a line of its own


def test_the_help_of_every_verb_needs_no_torch() -> None:
    pages = python(HELP).split("== ")[1:]
    assert [page.split("\n")[0] for page in pages] == list(VERBS)
    for page in pages:
        _, usage, text = page.split("\n", 2)
        assert usage.startswith("Usage: python -m espalier ")
        assert text.strip()
        rows = re.findall(r"^  (\S[^\n]*?)(  +\S.*|\n +\S.*)?$", text.split(":\n", 1)[1], re.M)
        assert [row for row, about in rows if row.startswith("-") and not about] == []


SHARED = ["options", "options.external_option", "options.make_variables"]


@pytest.mark.parametrize(
    ("words", "imported"),
    [
        (["--help"], SHARED),
        (["lint", "--help"], ["lint", *SHARED]),
        (
            ["sweep-status", "--help"],
            [*SHARED, "options.option_types", "sweeps", "sweeps.sweep_status"],
        ),
    ],
)
def test_a_verb_is_imported_once_it_is_called(words: list[str], imported: list[str]) -> None:
    expected = [f"espalier.commands.{name}" for name in imported]
    assert python(IMPORTED, *words).splitlines()[-1] == repr(expected)


def test_make_calls_verbs_that_exist_with_options_that_they_have() -> None:
    given = ["RANGE_CONFIG=r", "MAX_TRIALS=1", "DATASET=d", "BUDGET=1", "FROM=a", "TO=b"]
    listed = re.findall(
        r"^## [ *] ([a-z][a-z-]*) +- ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M
    )
    made = subprocess.run(["make", "-n", *listed, *given], cwd=ROOT, capture_output=True, text=True)
    calls = re.findall(r"-m espalier (\S+)(.*(?:\\\n.*)*)", made.stdout)
    assert {verb for verb, _ in calls} <= set(VERBS)
    assert len({verb for verb, _ in calls}) > 10
    for verb, rest in calls:
        module = __import__(f"espalier.commands.{module_name(verb)}", fromlist=["command"])
        offered = {name for param in module.command.params for name in param.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= offered


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["swee"], {"sweep-run", "sweep-status", "sweep-generate"}),
        (["sweep-run", "--pa"], {"--parallel", "--pack"}),
        (["sweep-lineage", "--format", ""], {"png", "svg", "pdf"}),
        (["config", "digits-matrix"], {"digits-matrix_defconfig"}),
        (["digits-matrix"], {"digits-matrix_defconfig"}),
        (["menu"], {"menuconfig"}),
        (["sweep", "PARALLEL=2", "--pa"], {"--parallel", "--pack"}),
        (["sweep", "digits-ra"], {"digits-race-range"}),
        (["sweep", "of-my-own/"], {"of-my-own/"}),  # a file, by the shell itself
    ],
)
def test_a_shell_completes(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    offered: set[str],
) -> None:
    monkeypatch.setenv("_ESPALIER_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(["espalier", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    assert main([]) == 0
    completions = {line.partition(",")[2] for line in capsys.readouterr().out.splitlines()}
    assert offered <= completions


def test_a_variable_that_make_gives_empty_is_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("PARALLEL", "PACK", "NEW", "RANK_BY", "SAMPLER", "MAX_TRIALS", "PRIORITY"):
        monkeypatch.setenv(name, "")
    (tmp_path / "r").write_text("CONFIG_SEED=1|2\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["sweep-generate", "r"]) == 0
    assert main(["sweep-run", "--dry-run"]) == 0
    assert "would run 2 of 2 trials" in capsys.readouterr().out
