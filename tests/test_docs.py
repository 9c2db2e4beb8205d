"""The documentation says nothing that is not so: names exist, links resolve, snippets run."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from stored_sweeps import stored

from espalier.analysis.rank import TrialResult
from espalier.commands import VERBS
from espalier.core.paths import LIBRARY, ROOT
from espalier.core.trial import Result, Status, Trial
from espalier.kconfig import tree
from espalier.report.report_request import USUAL
from espalier.report.reports import read_sweep, write_reports
from espalier.run.closing import SweepEnd

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def code(text: str) -> str:
    """Code spans, fenced and indented blocks, a line each; prose left out."""
    fenced = [block for _, block in FENCE.findall(text)]
    prose = FENCE.sub("", text)
    spans = [span for span in re.findall(r"`([^`\n]+)`", prose)]
    indented = [line.strip() for line in prose.splitlines() if line.startswith("    ")]
    return "\n".join(fenced + spans + indented)


def targets(text: str) -> set[str]:
    """Targets of the `make` commands in code."""
    names = set()
    for line in re.findall(r"^make\b(.*)$", code(text), re.MULTILINE):
        words, *_ = re.split(r"[#|;]", re.sub(r'"[^"]*"', '""', line))
        for word in words.split():
            if re.fullmatch(r"[a-z][a-z_-]*", word):
                names.add(word)
    return names


@functools.cache
def symbols() -> set[str]:
    """Symbols and choices of the tree, and those that the examples of the docs define."""
    kconf = tree.parse()
    names = {item.name for item in kconf.unique_defined_syms} | set(kconf.named_choices)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        names |= set(re.findall(r"^config (\w+)$", text, re.MULTILINE))
        names |= {name for kind, part in FENCE.findall(text) for name in parameters(kind, part)}
        names |= set(knobs(text))
    return names


def knobs(text: str) -> Iterator[str]:
    """Yield the symbols that the scripts of a page have of their own."""
    for declared in re.findall(r'CONFIG_SCRIPT_KNOBS="(.*?)"', text):
        yield from (each.partition("=")[0].upper() for each in declared.split())


def parameters(kind: str, text: str) -> Iterator[str]:
    """Yield the symbols that a class or a train function in an example for espalier.sweep has."""
    if kind != "python" or "espalier.sweep(" not in text:
        return
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            yield from (arg.arg.upper() for arg in node.args.args)
        for part in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                yield from (f"{node.name}_{arg.arg}".upper() for arg in part.args.args)


def listed_targets() -> set[str]:
    """Targets that `make help` lists."""
    help_text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    return set(re.findall(r"^[ *] ([a-z][a-z-]*) +- ", help_text, re.MULTILINE))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a plan and a trial need."""
    copy = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "Kconfig", copy)
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in ("lib", "models", "defconfigs"):
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True, ignore=skip)
    return copy


def espalier(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`python -m espalier ...` in a checkout of its own."""
    return python(checkout, "-m", "espalier", *words)


@functools.cache
def help_of(checkout: Path, verb: str) -> str:
    return espalier(checkout, verb, "--help").stdout


def python(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(checkout / "lib"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )


@pages
def test_make_targets_exist(page: Path) -> None:
    names = sorted(targets(page.read_text(encoding="utf-8")))
    done = subprocess.run(["make", "-n", *names, "FROM=a", "TO=b"], cwd=ROOT, capture_output=True)
    assert b"No rule" not in done.stderr and b"Nothing to be done" not in done.stderr, done.stderr


def test_every_listed_target_is_documented() -> None:
    documented = set().union(*(targets(page.read_text(encoding="utf-8")) for page in PAGES))
    assert len(listed_targets()) > 25
    assert listed_targets() - documented == set()


@pages
def test_symbols_exist(page: Path) -> None:
    unknown = set()
    for name, star in re.findall(r"\bCONFIG_([A-Z0-9_]+)(\*|<)?", page.read_text(encoding="utf-8")):
        prefix = any(symbol.startswith(name) for symbol in symbols())
        if name not in symbols() | {"X", "NAME"} and not (star and prefix):
            unknown.add(name)
    assert unknown == set()


@pages
def test_named_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    examples = {name for name, _ in FILE.findall(text)}
    named = set(re.findall(r"(?:defconfigs|docs|lib|models|scripts)/[\w./-]*\w", code(text)))
    assert [name for name in sorted(named - examples) if not (ROOT / name).exists()] == []


@pages
def test_relative_links_resolve(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", page.read_text(encoding="utf-8"))
    places = [(page.parent / name if name else page, anchor) for name, anchor in links]
    assert [path for path, _ in places if not path.exists()] == []
    lost = [(path, anchor) for path, anchor in places if anchor[1:] not in anchors(path)]
    assert lost == []


def anchors(path: Path) -> set[str]:
    """The anchors of a page, and of any file the empty one: headings as GitHub links to them."""
    if path.suffix != ".md":
        return {""}
    prose = FENCE.sub("", path.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {""} | {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pages
def test_page_is_in_the_index(page: Path) -> None:
    assert (
        page.name in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
        or page.name == "index.md"
    )


@pages
def test_command_lines_exist_with_their_options(page: Path, checkout: Path) -> None:
    for words in re.findall(r"-m espalier (.+)", code(page.read_text(encoding="utf-8"))):
        verb, *rest = words.split()
        assert verb in VERBS
        offered = help_of(checkout, verb)
        assert [word for word in rest if word.startswith("--") and word not in offered] == []


def test_range_file_of_the_readme(checkout: Path) -> None:
    (block,) = [
        text
        for _, text in FENCE.findall(PAGES[0].read_text(encoding="utf-8"))
        if "CONFIG_MODEL_SELECT" in text
    ]
    (checkout / "my-range").write_text(block, encoding="utf-8")
    done = espalier(checkout, "sweep-generate", "my-range")
    assert done.returncode == 0, done.stderr
    # 4 weight decays, 3 betas, 3 seeds
    assert len(list((checkout / "sweep_configs").glob("config_*"))) == 4 * 3 * 3


def masked(text: str) -> list[str]:
    """Lines with their numbers and values taken out."""
    return [re.sub(r"\d+(,\d{3})*(\.\d+)?", "#", line) for line in text.splitlines()]


def test_output_shown_in_the_readme_is_what_a_sweep_ends_with(tmp_path: Path) -> None:
    (shown,) = [
        text for kind, text in FENCE.findall(PAGES[0].read_text(encoding="utf-8")) if kind == "text"
    ]
    measures = {"final_sparsity": 0.7, "total_time": 1.0}
    outcomes = []
    for number in range(1, 37):  # 12 of 3 seeds; one differs from the best equally on each
        place, seed = divmod(number - 1, 3)
        swept = {"ADAMWPRUNE_WEIGHT_DECAY": str(place), "ADAMWPRUNE_BETA1": "0.9"}
        swept |= {"PRUNING_WARMUP": "100", "SEED": str(seed)}
        name, config = f"config_{number:03d}", {"TARGET_SPARSITY": "0.7", **swept}
        trial = Trial(number, name, str(number), config, swept)
        swing = 1 - seed * 0.5 if place in (0, 8) else seed * 0.5
        scores = {"val_acc": 98.0 + swing - 0.1 * place, "test_acc": 97.0 + seed}
        outcomes.append(TrialResult(trial, Result(Status.PASSED, measures=measures | scores), 1))
    write_reports(stored(tmp_path / "sweep", outcomes))
    states = {item.trial.number: item.result.status for item in outcomes}
    end = SweepEnd(read_sweep(tmp_path / "sweep", USUAL), states, list(states))
    printed = masked("\n".join(end.lines()))
    own = re.compile(r"\[ ?#/#\] |\.\.\.|(page|report): ")  # the runner's lines, a cut, paths
    assert [line for line in masked(shown) if line not in printed and not own.match(line)] == []


def test_python_of_the_results_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def record(number: int, beta: float, accuracy: float | None) -> dict[str, object]:
        status = "error" if accuracy is None else "passed"
        return {
            "config_file": f"config_{number:03d}",
            "status": status,
            "test_acc": accuracy,
            "val_acc": accuracy,
            "final_sparsity": None if accuracy is None else 0.7,
            "CONFIG_ADAMWPRUNE_BETA1": beta,
            "CONFIG_SEED": number,
        }

    records = [record(1, 0.85, 90.0), record(2, 0.85, 94.0), record(3, 0.87, None)]
    (tmp_path / "sweep_summary.json").write_text(json.dumps(records), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    blocks = [text for kind, text in FENCE.findall(page_text("results.md")) if kind == "python"]
    assert len(blocks) == 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "results.md", "exec"), names)  # noqa: S102
    out = capsys.readouterr().out
    assert out.index("config_002") < out.index("config_001")
    assert re.search(r"0\.85\s+92\.0\s+2", out)


def page_text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


TRAIN = """
import json, sys, tempfile
from pathlib import Path
from espalier.plan.plan import read_plan
from espalier.train.worker_entry import train_trial
from espalier.core.trial import Task
plan = read_plan(Path("sweep_configs"))
trial = plan.trials[0]
result = train_trial(Task.single(trial, plan.settings, Path(tempfile.mkdtemp())))
print(json.dumps([dict(trial.config), result.as_json()]))
"""


def test_components_of_the_page_train_with_no_other_edit(checkout: Path) -> None:
    files = dict(FILE.findall(page_text("components.md")))
    assert len(files) == 10  # two a kind
    for name, text in files.items():
        assert not (checkout / name).exists(), f"{name} is no longer new: choose another example"
        (checkout / name).write_text(text, encoding="utf-8")
    chosen = {"MODEL": "linear", "DATASET": "stripes", "OPTIMIZER": "adagrad"}
    chosen |= {"PRUNING_METHOD": "clamp", "LR_SCHEDULE": "inverse_sqrt"}
    lines = [f"CONFIG_{choice}={name}" for choice, name in chosen.items()]
    lines += ["CONFIG_LINEAR_BIAS=y|n", "CONFIG_CLAMP_LIMIT=0.25", "CONFIG_NUM_EPOCHS=2"]
    (checkout / "new-range").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = espalier(checkout, "sweep-generate", "new-range")
    assert done.returncode == 0, done.stderr
    done = python(checkout, "-c", TRAIN)
    assert done.returncode == 0, done.stderr
    config, result = json.loads(done.stdout.splitlines()[-1])
    assert {choice: config[choice] for choice in chosen} == chosen
    assert result["status"] == "passed", result
    assert 0 < result["measures"]["largest"] <= 0.25
    assert result["measures"]["parameters"] in (64 * 2, 64 * 2 + 2)


def test_the_rooms_of_the_page_are_those_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", page_text("architecture.md"), re.MULTILINE)
    assert [room for room, _ in rows] == contracts["contracts"][0]["layers"][::-1]
    begin = [LIBRARY / room / file for room, files in rows for file in re.findall("`(.*?)`", files)]
    assert [path for path in begin if not path.exists()] == []


def test_the_page_of_the_architecture_names_functions_where_they_are() -> None:
    places = re.findall(r"`([\w/]+\.py)`: ((?:`\w+`,? ?)+)", page_text("architecture.md"))
    assert len(places) > 20
    for path, names in places:
        text = (LIBRARY / path).read_text(encoding="utf-8")
        for name in re.findall(r"\w+", names):
            assert re.search(rf"^ *(def|class) {name}\b|^{name}\b.* = ", text, re.MULTILINE), name


def test_the_glossary_has_at_most_50_lines() -> None:
    assert len(page_text("glossary.md").splitlines()) <= 50
