"""The Makefile: what it offers, what it hands on, and what it must never delete."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from espalier.core.paths import ROOT
from espalier.kconfig import defconfigs

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
INTERNAL = {"setup-plan", "setup-train", "setup-dev", "range-given", "config-given"}
INTERNAL |= {"external-given"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefile in a folder with a space, beside nothing that is set up."""
    root = tmp_path / "a checkout"
    root.mkdir()
    shutil.copy(ROOT / "Makefile", root)
    shutil.copytree(ROOT / "defconfigs", root / "defconfigs")
    return root


def make(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command, env = ["make", *arguments], {"PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=60)


def recipe(root: Path, *arguments: str) -> list[str]:
    """The commands that make would run."""
    done = make(root, "-n", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def phony() -> set[str]:
    """Targets declared in the Makefile, variables expanded by make itself."""
    database = subprocess.run(
        ["make", "-pnq", "-C", str(ROOT), "help"], capture_output=True, text=True
    ).stdout
    line = re.search(r"^\.PHONY: (.*)$", database, re.MULTILINE)
    assert line
    return set(line[1].split())


def listed() -> set[str]:
    return set(re.findall(r"^## [ *] ([a-z][a-z-]*) +- ", MAKEFILE, re.MULTILINE))


def test_help_lists_every_target_and_no_other():
    presets = {p.name for p in defconfigs.presets()}
    made = {f"{name}_defconfig" for name in presets} | {f"defconfig-{name}" for name in presets}
    in_sentences = {"nconfig", "alldefconfig", "train"}
    assert phony() - INTERNAL - made - in_sentences == listed()
    assert made < phony()
    for name in in_sentences:
        assert f"{name} is the same" in MAKEFILE


def test_help_needs_no_environment_and_keeps_the_order_of_the_kernel(checkout):
    done = make(checkout, "help")
    headings = re.findall(r"^(\w+)\b.*:$", done.stdout, re.MULTILINE)
    assert headings == [
        *["Cleaning", "Configuration", "Training", "Checks", "Documentation", "Variables"]
    ]
    assert not (checkout / ".venv").exists()
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_every_recipe_is_a_few_commands():
    rules = re.split(r"\n(?=\S)", MAKEFILE)
    assert max(rule.count("\n\t$(QUIET)") for rule in rules) <= 3


@pytest.mark.parametrize(
    ("target", "stage"),
    [
        ("menuconfig", "plan"),
        ("digits-matrix_defconfig", "plan"),
        ("sweep-status", "plan"),
        ("sweep-leaderboard", "plan"),
        ("all", "train"),
        ("sweep-run", "train"),
        ("check", "dev trackers samplers ray"),
    ],
)
def test_a_target_waits_for_no_more_than_it_needs(checkout, target, stage):
    stages = [line.split()[-1] for line in recipe(checkout, target) if "bootstrap" in line]
    assert stages == stage.split()


def test_export_installs_a_tracker_only_if_it_writes_for_one(checkout):
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / "scripts").mkdir()
    python, setup = checkout / ".venv/bin/python", checkout / "scripts/bootstrap"
    python.write_text('#!/bin/sh\necho "$4 $TO."\n', encoding="utf-8")
    python.chmod(0o755)
    setup.write_text('echo "set up $1"\n', encoding="utf-8")
    setup_plan = ["set up plan"]
    assert make(checkout, "export").stdout.splitlines() == [*setup_plan, "export ."]
    done = make(checkout, "export", "TO=csv")
    assert done.stdout.splitlines() == [*setup_plan, "export csv."]
    done = make(checkout, "export", "TO=mlflow")
    assert done.stdout.splitlines() == [*setup_plan, "set up trackers", "export mlflow."]


def test_a_sweep_is_planned_before_torch_is_installed(checkout):
    lines = recipe(checkout, "sweep", "RANGE_CONFIG=a b", "MAX_TRIALS=7")
    commands = [line.replace(".venv/bin/python -P -m espalier ", "") for line in lines]
    assert commands[2:] == [  # after the check that a range file is named
        "[ -e .venv/train.txt ] || { sh scripts/bootstrap plan && \\",
        '\tsweep-generate "$RANGE_CONFIG" >/dev/null; }',
        "sh scripts/bootstrap train",
        'DIR= sweep "$RANGE_CONFIG"',
    ]


def test_common_names_count_only_where_make_is_given_them(checkout):
    (checkout / "show.mk").write_text("show:\n\t@env | grep -E '^(DIR|TRIALS|STATUS)=' || :\n")
    command = ["make", "-f", "Makefile", "-f", "show.mk", "show"]
    env = {"PATH": "/usr/bin:/bin", "STATUS": "b", "TRIALS": "c"}
    shown = [
        subprocess.run([*command, *given], cwd=checkout, env=env, capture_output=True, text=True)
        for given in ([], ["DIR=x$(shell touch y)'", "TRIALS=config_001"])
    ]
    assert [sorted(done.stdout.splitlines()) for done in shown] == [
        [],
        ["DIR=x$(shell touch y)'", "TRIALS=config_001"],
    ]
    assert not (checkout / "y").exists()


def test_a_query_is_handed_on_and_silences_nothing(checkout: Path) -> None:
    query = "PRUNING_METHOD=rigl & val_acc>97 | !(note~'$(shell touch y)')"
    lines = recipe(checkout, "sweep-list", f"Q={query}")
    assert lines == ["sh scripts/bootstrap plan", ".venv/bin/python -P -m espalier sweep-list"]
    assert "$(Q)" not in MAKEFILE  # Q is what a user asks for; QUIET is what silences
    (checkout / "show.mk").write_text("show:\n\t@env | grep ^Q= || :\n")
    shown = make(checkout, "-f", "Makefile", "-f", "show.mk", "show", f"Q={query}")
    assert shown.stdout == f"Q={query}\n"
    assert not (checkout / "y").exists()


@pytest.mark.parametrize("target", ["sweep", "sweep-generate", "sweep-estimate", "sweep-parallel"])
@pytest.mark.parametrize("flags", [[], ["-j4"], ["-s"]])
def test_a_sweep_without_a_range_file_is_one_line(checkout, target, flags):
    done = make(checkout, *flags, target)
    lines = done.stderr.splitlines()
    assert lines[0] == (
        f"error: RANGE_CONFIG names no range file; for example: make {target} "
        "RANGE_CONFIG=defconfigs/digits-adamwprune-range"
    )
    assert done.returncode == 2
    assert not [line for line in lines[1:] if not line.startswith("make")]


def test_the_configuration_is_not_run(checkout):
    (checkout / ".config").write_text('CONFIG_DATA_DIR="$(shell touch RAN)"\n', encoding="utf-8")
    make(checkout, "help")
    make(checkout, "clean")
    assert not (checkout / "RAN").exists()


GIVEN = re.search(r"^GIVEN := ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
HOSTILE = [
    "'; touch RAN; '",
    '"; touch RAN; "',
    "$(shell touch RAN)",
    "$$(touch RAN)",
    "`touch RAN`",
    "\\'; touch RAN #",
    "a # b\ntouch RAN",
]


ON_THE_COMMAND_LINE = set(
    re.findall(r"filter-out \$\(COMMAND_LINE\),([^)]*)\),", MAKEFILE)[0].replace("\\\n", "").split()
)
"""Variables that are ours only there: many shells hold something else under these names."""


def test_every_variable_of_the_help_is_taken_as_text() -> None:
    assert GIVEN
    listed = set(re.findall(r"^##   ([A-Z_]+)=", MAKEFILE, re.MULTILINE))
    assert set(GIVEN[1].replace("\\\n", "").split()) == (listed - ON_THE_COMMAND_LINE) | {
        "FROM",
        "TO",
        "UPGRADE",
    }
    assert "'$(" not in MAKEFILE


@pytest.mark.parametrize("origin", ["command line", "environment"])
@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_is_ever_run(checkout: Path, value: str, origin: str) -> None:
    """All variables have it at once; a stand-in of Python notes what reaches the commands."""
    assert GIVEN
    names = GIVEN[1].replace("\\\n", "").split()
    stand_in = "#!/bin/sh\nenv -0 >environment\nfor a; do printf '%s\\0' \"$a\"; done >>arguments\n"
    for name, text in {"scripts/bootstrap": "", ".venv/bin/python": stand_in}.items():
        (checkout / name).parent.mkdir(parents=True)
        (checkout / name).write_text(text, encoding="utf-8")
        (checkout / name).chmod(0o755)
    (checkout / value).touch()  # KCONFIG_CONFIG must be there
    given = {name: value for name in (*names, "GOAL", "OTHER")}
    arguments = [f"{n}={v}" for n, v in given.items()] if origin == "command line" else []
    env = {"PATH": "/usr/bin:/bin", **({} if arguments else given)}
    for target in ("diffconfig", "search", "bench", "sweep-generate", "train", "lock", "config"):
        command = ["make", *arguments, target]
        done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True)
        assert done.returncode == 0, (target, done.stderr)
        seen = (checkout / "environment").read_text(encoding="utf-8").split("\0")
        assert {line for line in seen if line.partition("=")[0] in names} == {
            f"{name}={value}" for name in names
        }
    passed = (checkout / "arguments").read_text(encoding="utf-8").split("\0")
    assert passed.count(value) == 4  # FROM, TO, BENCH, RANGE_CONFIG; others are in the environment
    assert not list(checkout.rglob("RAN"))


@pytest.mark.parametrize("value", HOSTILE[:-1])
@pytest.mark.parametrize("form", ["{}_defconfig", "defconfig-{}"])
def test_no_goal_is_ever_run(checkout: Path, value: str, form: str) -> None:
    goal = form.format(value)
    with_python(checkout, "exit", goal)
    make(checkout, goal, "sweep")  # in what it says about sweep, it names the first goal
    assert not list(checkout.rglob("RAN"))


def test_verbose_shows_the_commands(checkout):
    quiet, loud = make(checkout, "sweep-clean"), make(checkout, "sweep-clean", "V=1")
    assert "rm -rf sweep_configs" not in quiet.stdout
    assert "rm -rf sweep_configs" in loud.stdout


KEPT = ["test_matrix_results/sweep_1/sweep.db", "data/images", "mine", "defconfigs/digits-matrix"]
REMOVED = {  # each level removes what is in its list and in those before it
    "clean": ["lib/__pycache__/a.pyc", "include/generated/model.Kconfig", ".mypy_cache/a"],
    "mrproper": [".config", ".config.old", "sweep_configs/config_001"],
    "distclean": [".venv/bin/python", ".venv.log"],
}


@pytest.mark.parametrize("level", list(REMOVED))
def test_cleaning_removes_its_level_and_never_results(checkout, level):
    levels = list(REMOVED)
    gone = [f for name in levels[: levels.index(level) + 1] for f in REMOVED[name]]
    left = [f for name in levels[levels.index(level) + 1 :] for f in REMOVED[name]]
    for name in [*KEPT, *gone, *left]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
    assert make(checkout, level).returncode == 0
    assert [name for name in [*KEPT, *left] if not (checkout / name).exists()] == []
    assert [name for name in gone if (checkout / name).exists()] == []


def test_sweep_clean_removes_only_the_plan_and_its_drafts(checkout):
    draft = ".sweep_configs.host-1-ab"
    for name in [*KEPT, ".config", "sweep_configs/config_001", f"{draft}/config_001"]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
    make(checkout, "sweep-clean")
    assert not any((checkout / name).exists() for name in ("sweep_configs", draft))
    assert all((checkout / name).exists() for name in [*KEPT, ".config"])


def test_continuous_integration_runs_the_checks():
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    before, _, after = script.partition("chromium.install()")
    assert "make setup-dev" in before and "exec make check </dev/null" in after
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_the_nightly_tests_are_those_that_test_leaves_out(checkout):
    plain, nightly = (recipe(checkout, target)[-1] for target in ("test", "test-nightly"))
    assert nightly == f"{plain} -m nightly"
    assert "-m 'not nightly'" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_lint_checks_the_imports_too(checkout):
    assert [line for line in recipe(checkout, "lint") if "importlinter" in line]


def test_lint_checks_the_figures_of_the_pages_and_docs_figures_writes_them(checkout):
    program = ".venv/bin/python benchmarks/page_figures.py"
    assert f"{program} --check" in recipe(checkout, "lint")
    assert program in recipe(checkout, "docs-figures")


def with_python(checkout: Path, python: str, goal: str) -> subprocess.CompletedProcess[str]:
    """Run a goal with a shell script in place of the environment's Python."""
    for name, text in {"scripts/bootstrap": "", ".venv/bin/python": python}.items():
        (checkout / name).parent.mkdir(parents=True)
        (checkout / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (checkout / name).chmod(0o755)
    return make(checkout, goal)


def lint_imports(checkout: Path, python: str) -> subprocess.CompletedProcess[str]:
    return with_python(checkout, python, "lint-imports")


def test_lint_imports_is_silent_where_all_is_well(checkout):
    done = lint_imports(checkout, "echo 2 kept")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_lint_imports_names_the_import_that_is_wrong(checkout):
    done = lint_imports(checkout, "echo 'core -> run'; exit 1")
    rule = "error: imports break the order of the rooms in pyproject.toml, [tool.importlinter]"
    assert done.returncode == 2
    assert done.stderr.splitlines()[:2] == ["core -> run", rule]


def test_a_check_of_a_tree_needs_one(checkout):
    done = make(checkout, "check-external")
    assert done.returncode == 2 and not (checkout / ".venv").exists()
    assert done.stderr.startswith("error: EXTERNAL names no tree; for example: make check-external")
