"""The wheel: built from this checkout, installed by itself, and used in an empty folder."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from espalier.core import revision
from espalier.core.paths import ROOT

pytest.importorskip("uv", reason="uv builds and installs the wheel")

SOURCES = ["Kconfig", "MANIFEST.in", "pyproject.toml", "setup.py"]
FOLDERS = ["defconfigs", "lib/espalier", "models", "requirements", "tests"]
RANGE = """# Two learning rates
CONFIG_MODEL_SELECT_MLP=y
CONFIG_PRUNING_METHOD="none"
CONFIG_NUM_EPOCHS=1
CONFIG_LEARNING_RATE=0.001|0.01
"""
GUARD = """
import sys

def guard(event, args):
    name = args[0] if args and isinstance(args[0], str) else ""
    if event in ("open", "os.listdir", "os.scandir") and name.startswith({root!r}):
        if not name.startswith({site!r}):
            raise RuntimeError("a file of the checkout was read: " + name)

sys.addaudithook(guard)
"""
"""Put into every process of the installed Python: it may not look into the checkout."""
READ = """
import sys
import espalier
assert "torch" not in sys.modules
sweep = espalier.load_sweep()
assert "torch" not in sys.modules
print(len(sweep.trials), sweep.history["epoch"].max())
espalier.RigL
assert "torch" in sys.modules
"""
FROM_PYTHON = """
import espalier
from torch import nn

def tiny(inputs, classes, width=4):
    layers = nn.Flatten(), nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, classes)
    return nn.Sequential(*layers)

text = {"TINY_WIDTH": [4, 8], "PRUNING_METHOD": "none", "NUM_EPOCHS": 1}
print(espalier.sweep(text, model=tiny, parallel=1).ranking()["CONFIG_TINY_WIDTH"].tolist())
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def uv(*words: str | Path) -> None:
    command = [sys.executable, "-P", "-m", "uv", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr


def copy_sources(place: Path) -> None:
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, place / name, symlinks=True, ignore=ignored)
    for name in SOURCES:
        shutil.copy(ROOT / name, place)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Python with the wheel, and with the packages of the tests but for this library."""
    place = tmp_path_factory.mktemp("wheel")
    python = place / "env" / "bin" / "python"
    copy_sources(place / "source")
    build = ["--wheel", "--no-build-isolation", "--offline", "-p", sys.executable]
    uv("build", "-q", *build, "-o", place, place / "source")
    shutil.rmtree(place / "source")
    venv.create(place / "env", symlinks=True)
    (wheel,) = place.glob("*.whl")
    uv("pip", "install", "-q", "--offline", "--no-deps", "-p", python, wheel)
    (packages,) = place.glob("env/lib/python*/site-packages")
    site = sysconfig.get_path("purelib")
    (packages / "tests.pth").write_text(site + "\n", encoding="utf-8")
    guard = GUARD.format(root=f"{ROOT}/", site=site)
    (packages / "sitecustomize.py").write_text(guard, encoding="utf-8")
    yield packages


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder."""
    return tmp_path_factory.mktemp("empty folder")


@pytest.fixture(scope="module")
def run(environment: Path, folder: Path) -> Run:
    """Run a program of the environment in the empty folder."""
    programs = environment.parents[2] / "bin"
    variables = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder.parent),
        "XDG_CACHE_HOME": str(folder.parent / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "DIR": "/nowhere",  # of a shell, and none of ours
    }

    def start(program: str, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(programs / program), *words],
            cwd=folder,
            env=variables,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )
        assert done.returncode == code, done.stderr + done.stdout
        return done

    return start


def files(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def swept(run: Run, environment: Path, folder: Path) -> str:
    """What `espalier sweep my-range` printed; it wrote nothing into the package."""
    assert run("espalier", "sweep-status", code=2).stderr == (
        "error: test_matrix_results: no sweep has been run yet; start one with `espalier sweep`\n"
    )
    before = files(environment)
    (folder / "my-range").write_text(RANGE, encoding="utf-8")
    done = run("espalier", "sweep", "my-range", "PARALLEL=1", "--pack", "1")
    assert files(environment) == before
    return done.stdout


def test_a_sweep_runs_below_the_current_folder(swept: str, folder: Path) -> None:
    assert "Wrote 2 configurations to sweep_configs/" in swept
    assert "2 trials: 2 passed" in swept
    assert "`make" not in swept
    assert {path.name for path in folder.iterdir()} == {
        "my-range",
        "sweep_configs",
        "test_matrix_results",
    }


def test_its_results_are_read_without_torch(swept: str, run: Run) -> None:
    assert run("python", "-P", "-c", READ).stdout == "2 1\n"


def test_a_sweep_goes_on_and_is_reported_by_the_names_of_make(swept: str, run: Run) -> None:
    assert "finished" in run("espalier", "sweep", "RANGE_CONFIG=my-range").stdout
    assert "finished: 2 passed" in run("espalier", "sweep-status").stdout
    assert "report.html" in run("espalier", "report").stdout
    said = run("espalier", "sweep", "my-range", "PARALEL=2", code=2).stderr
    assert said == "error: PARALEL: is no variable of `espalier sweep`; did you mean PARALLEL?\n"


def test_configurations_are_made_of_presets(run: Run, folder: Path) -> None:
    run("espalier", "digits-matrix_defconfig", "KCONFIG_CONFIG=a")
    run("espalier", "olddefconfig", "KCONFIG_CONFIG=a")
    run("espalier", "defconfig", "KCONFIG_CONFIG=b")
    said = run("espalier", "diffconfig", "FROM=b", "TO=a").stdout
    assert "-ADAMWPRUNE_AMSGRAD y\n" in said
    assert "espalier <name>_defconfig" in run("espalier", "list-defconfigs").stdout
    for name in "ab":
        (folder / name).unlink()


def test_the_kconfig_tree_and_the_code_are_those_of_the_checkout(run: Run) -> None:
    assert run("espalier", "lint").stdout == "Kconfig lint: 0 findings\n"
    code = "from espalier.core.revision import sources; print(sources())"
    assert run("python", "-P", "-c", code).stdout.strip() == revision.sources()


def test_a_tree_of_ones_own_goes_with_the_package(run: Run, folder: Path) -> None:
    """It is begun, chosen in a range file and trained; without it its plan is refused."""
    said = run("espalier", "new", "KIND=model", "NAME=mine", code=2).stderr
    assert said == "error: EXTERNAL names no tree; make a folder for it, and name it\n"
    (folder / "tree").mkdir()
    given = "EXTERNAL=tree"
    said = run("espalier", "new", "KIND=model", "NAME=mine", given).stdout
    assert f"espalier check-external EXTERNAL={shlex.quote(str(folder / 'tree'))} tries it" in said
    assert run("espalier", "lint", given).stdout == "Kconfig lint: 0 findings\n"
    chosen = RANGE.replace("SELECT_MLP", "SELECT_MINE")
    (folder / "mine-range").write_text(chosen, encoding="utf-8")
    run("espalier", "sweep-generate", "mine-range", given)
    assert "EXTERNAL=" in run("espalier", "sweep-run", code=2).stderr
    done = run("espalier", "sweep-run", given, "PARALLEL=1", "--pack", "1")
    assert "2 trials: 2 passed" in done.stdout


def test_the_contracts_go_with_the_package(run: Run, environment: Path, folder: Path) -> None:
    """A tree passes them; one with a fault fails them. Nothing is written into the package."""
    given = "EXTERNAL=checked"
    (folder / "checked").mkdir()
    run("espalier", "new", "KIND=lr_schedule", "NAME=slow", given)
    before = files(environment)
    said = run("espalier", "check-external", given).stdout
    assert "Kconfig lint: 0 findings" in said and "7 passed" in said
    schedule = folder / "checked" / "lr_schedules" / "slow.py"
    text = schedule.read_text(encoding="utf-8")
    schedule.write_text(text.replace("return ", "return 2 * "), encoding="utf-8")
    said = run("espalier", "check-external", given, code=1).stdout
    assert "test_every_schedule_stays_between_zero_and_one[slow" in said
    assert files(environment) == before


def test_a_model_of_a_program_is_swept_from_python(run: Run) -> None:
    done = run("python", "-P", "-c", FROM_PYTHON)
    assert "2 trials: 2 passed" in done.stdout
    assert sorted(done.stdout.splitlines()[-1].strip("[]").split(", ")) == ["4", "8"]
