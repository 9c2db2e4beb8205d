"""docs/own-tree.md is run: its files are written, its commands done, in folders of their own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from espalier.commands.options.make_variables import GIVEN
from espalier.core.paths import ROOT
from espalier.core.records import PlanHeader
from espalier.core.trial import Result, Status
from espalier.store.results_dir import STORE
from espalier.store.store import Store

PAGE = (ROOT / "docs" / "own-tree.md").read_text(encoding="utf-8")
FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^(?:mkdir|make) .*$", PAGE, re.MULTILINE)


def espalier(folder: Path, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "OMP_NUM_THREADS": "1", **given, GIVEN: " ".join(given)}
    command = [sys.executable, "-P", "-m", "espalier", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def do(folder: Path, line: str) -> None:
    """Do what a line of the page does, with the verbs that make calls, in this process's Python."""
    program, *words = shlex.split(line)
    if program == "mkdir":
        (folder / words[0]).mkdir()
        return
    given = dict(word.split("=", 1) for word in words if "=" in word)
    verbs = {
        "new": [["new"]],
        "lint": [["lint"]],
        "sweep-generate": [["sweep-generate", given.get("RANGE_CONFIG", "")]],
        "sweep": [["sweep-generate", given.get("RANGE_CONFIG", "")], ["sweep-run", "--in-process"]],
        "check-external": [],  # a test of the Makefile
    }
    for verb in verbs[words[0]]:
        done = espalier(folder, *verb, **given)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the page was followed, with `my-tree` beside it."""
    folder = tmp_path_factory.mktemp("page") / "checkout"
    folder.mkdir()
    for line in COMMANDS:
        do(folder, line)
        if " new " in line:
            for name, text in FILE.findall(PAGE):
                path = folder.parent / "my-tree" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    return folder


def recorded(place: Path) -> tuple[PlanHeader, list[Result]]:
    (path,) = (place / "test_matrix_results").glob(f"*/{STORE}")
    with Store.open(path, readonly=True) as store:
        return store.header, [result for _, result, _ in store.final_results()]


def test_the_sweep_of_the_page_is_trained_and_records_the_tree(place: Path) -> None:
    header, results = recorded(place)
    (tree,) = header.trees or []
    assert tree["path"] == str((place.parent / "my-tree").resolve())
    assert [result.status for result in results] == [Status.PASSED] * 8
    codes = [result.provenance.code for result in results]
    assert all(code and code.trees == [tree] for code in codes)
    assert any("largest" in result.measures for result in results)
    (report,) = (place / "test_matrix_results").glob("*/report.html")
    assert tree["sources"][:12] in report.read_text(encoding="utf-8")


def test_the_plan_records_it_too_and_needs_it_again(place: Path) -> None:
    header = json.loads((place / "sweep_configs" / "plan.jsonl").read_text().splitlines()[0])
    assert header["trees"] == recorded(place)[0].trees
    done = espalier(place, "sweep-run", EXTERNAL="")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert f"give it again, if you trust what is in it: EXTERNAL={header['trees'][0]['path']}" in (
        done.stderr
    )


def test_a_sampler_of_the_page_plans_what_it_says(place: Path) -> None:
    other = place.parent / "drawn"
    other.mkdir()
    done = espalier(other, "sweep-generate", "leaning-range", EXTERNAL="../my-tree")
    assert done.returncode == 0, done.stderr
    said = PAGE.split("That plans 8 configurations")[1].split("\n\n")[1]
    assert "\n" + re.sub("^    ", "", said, flags=re.MULTILINE) + "\n" in done.stdout
    assert "Wrote 16 configurations" in done.stdout
    header = json.loads((other / "sweep_configs" / "plan.jsonl").read_text().splitlines()[0])
    assert (header["design"]["sampler"], header["settings"]["LEANING_LEAN"]) == ("leaning", "3")


def test_a_sampler_is_unknown_without_its_tree(place: Path) -> None:
    done = espalier(place, "sweep-generate", "digits-sobol-range", SAMPLER="leaning")
    assert done.returncode == 2 and "SAMPLER=leaning: must be one of cmaes, gp" in done.stderr


REFUSED = "was made with a tree outside, and a file does not say what code runs; give it again"


@pytest.fixture(scope="module")
def saved(place: Path) -> Path:
    """The folder of a trial of the page's model, in a sweep elsewhere, with model and snapshots."""
    other = place.parent / "elsewhere"
    other.mkdir()
    lines = ["MODEL=tanhnet", "PRUNING_METHOD=none", "TRAIN_SUBSET=100", "NUM_EPOCHS=2"]
    lines += ["SAVE_MODEL=y", "SNAPSHOT_EVERY=1"]
    text = "".join(f"CONFIG_{line}\n" for line in lines)
    (other / "saving").write_text(text, encoding="utf-8")
    given = {"EXTERNAL": "../my-tree"}
    for words in (["sweep-generate", "saving"], ["sweep-run", "--in-process"]):
        done = espalier(other, *words, **given)
        assert done.returncode == 0, done.stderr
    (folder,) = (path.parent for path in other.glob("test_matrix_results/*/*/model.pt"))
    return folder


def refused(saved: Path, *words: str, **given: str) -> None:
    """Without the tree a command says in one line which to give."""
    done = espalier(saved.parents[2], *words, EXTERNAL="", **given)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and line.count(REFUSED) == 1
    assert line.endswith(f" EXTERNAL={shlex.quote(str((saved.parents[3] / 'my-tree').resolve()))}")


def test_a_model_is_measured_with_the_tree_and_refused_without(saved: Path) -> None:
    model = str(saved / "model.pt")
    refused(saved, "evaluate", model)
    done = espalier(saved.parents[2], "evaluate", model, EXTERNAL="../my-tree")
    assert done.returncode == 0 and "accuracy" in done.stdout, done.stderr


def test_a_snapshot_goes_on_with_the_tree_and_is_refused_without(saved: Path) -> None:
    words = ["resume", str(saved / "snapshots" / "epoch_00001.json"), "NUM_EPOCHS=3"]
    refused(saved, *words)
    done = espalier(
        saved.parents[2], *words, "--in-process", "--output-dir", "resumed", EXTERNAL="../my-tree"
    )
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stderr


def test_a_sweep_is_focused_with_the_tree_alone(saved: Path) -> None:
    refused(saved, "sweep-focus", "--dir", str(saved.parent))


def test_a_configuration_is_refused_by_all_that_reads_it(saved: Path) -> None:
    """It is `.config` that says which tree, and no preset that is saved of it does."""
    given = {"EXTERNAL": "../my-tree"}
    (saved.parents[2] / ".config").write_text("CONFIG_MODEL_SELECT_TANHNET=y\n", encoding="utf-8")
    for verb in ("olddefconfig", "savedefconfig"):
        done = espalier(saved.parents[2], verb, **given)
        assert done.returncode == 0, done.stderr
    assert (saved.parents[2] / "defconfig").read_text() == "CONFIG_MODEL_SELECT_TANHNET=y\n"
    state = str(saved / "model.pt")
    for words in (["validate"], ["train"], ["olddefconfig"], ["remap", state, "--dry-run"]):
        refused(saved, *words)
    done = espalier(saved.parents[2], "remap", state, "--dry-run", **given)
    assert done.returncode == 0, done.stderr
    done = espalier(saved.parents[2], "diffconfig", FROM="defconfig", TO=".config", EXTERNAL="")
    assert done.returncode == 0, done.stderr


def test_reports_need_no_tree(place: Path) -> None:
    done = espalier(place, "sweep-leaderboard", EXTERNAL="")
    assert done.returncode == 0 and "tanhnet" not in done.stderr


def test_a_changed_tree_is_other_code(place: Path) -> None:
    """Whether it is given as a variable or as an option, before or behind the verb."""
    tree = place.parent / "my-tree"
    with (tree / "models" / "tanhnet.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    for words in (["--external", "../my-tree", "sweep-run"], ["sweep-run", f"--external={tree}"]):
        done = espalier(place, *words, "--in-process", EXTERNAL="")
        assert done.returncode == 0, done.stderr
        assert "8 of 8 results were made by other code" in done.stdout


def test_the_page_has_the_commands_that_are_run() -> None:
    assert [line.split()[1] for line in COMMANDS if line.startswith("make ")] == [
        *("new", "new", "sweep-generate", "lint", "sweep", "check-external")
    ]
