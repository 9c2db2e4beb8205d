"""Setting up an environment, with a stand-in for its Python that only writes down its calls."""

from __future__ import annotations

import fcntl
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from espalier.core.paths import ROOT

STAND_IN = """#!/bin/sh
echo "$*" >> calls
case "$*" in
    "-m uv pip install"*) {install} ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a folder with a space, whose environment has a stand-in for Python."""
    root = tmp_path / "a checkout"
    for folder in ("scripts", "requirements"):
        shutil.copytree(ROOT / folder, root / folder)
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/lib/python3.11/site-packages").mkdir(parents=True)
    stand_in(root, install="exit 0")
    return root


def stand_in(root: Path, install: str) -> None:
    python = root / ".venv/bin/python"
    python.write_text(STAND_IN.format(install=install), encoding="utf-8")
    python.chmod(0o755)


def bootstrap(root: Path, stage: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the script as make does, from another folder."""
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **env}
    command = ["sh", str(root / "scripts/bootstrap"), stage]
    return subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, timeout=60
    )


def installs(root: Path) -> list[str]:
    """The installer's calls so far."""
    return [
        line
        for line in (root / "calls").read_text(encoding="utf-8").splitlines()
        if "pip install" in line
    ]


def test_a_stage_is_installed_once_with_the_stages_it_contains(checkout):
    first = bootstrap(checkout, "train")
    assert first.returncode == 0
    assert first.stdout.startswith("  SETUP   train: torch and torchvision, about 5 GB")
    assert installs(checkout)[0].endswith("-r requirements/train.txt")
    for stage in ("train", "plan"):
        again = bootstrap(checkout, stage)
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert len(installs(checkout)) == 1
    assert not (checkout / ".venv/dev.txt").exists()


def test_what_is_apart_has_an_environment_of_its_own(checkout):
    (checkout / ".venv/trackers").mkdir()  # as uv does
    first = bootstrap(checkout, "trackers")
    assert first.returncode == 0
    assert first.stdout.startswith("  SETUP   trackers: TensorBoard, MLflow, Trackio and W&B")
    calls = (checkout / "calls").read_text(encoding="utf-8").splitlines()
    assert "-m uv venv --clear --python .venv/bin/python .venv/trackers" in calls
    (install,) = installs(checkout)
    assert install.endswith("--python .venv/trackers/bin/python -r requirements/trackers.txt")
    again = bootstrap(checkout, "trackers")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert installs(checkout) == [install]
    assert not (checkout / ".venv/plan.txt").exists()
    shutil.rmtree(checkout / ".venv/trackers")
    (checkout / ".venv/trackers").mkdir()
    assert bootstrap(checkout, "trackers").returncode == 0
    assert installs(checkout) == [install, install]


@pytest.mark.parametrize("name", ["gpu", "ray", "samplers"])
def test_what_is_beside_a_stage_is_added_to_its_environment(checkout, name):
    bootstrap(checkout, "plan")
    added = bootstrap(checkout, name)
    assert (added.returncode, added.stderr) == (0, "")
    assert added.stdout.startswith(f"  SETUP   {name}: ")
    assert installs(checkout)[1].endswith(f"--python .venv/bin/python -r requirements/{name}.txt")
    assert bootstrap(checkout, name).stdout == bootstrap(checkout, "plan").stdout == ""


def test_an_interrupted_install_apart_leaves_the_rest_as_it_is(checkout):
    bootstrap(checkout, "plan")
    (checkout / ".venv/trackers").mkdir()
    stand_in(checkout, install="kill -9 $PPID; sleep 0.1; exit 1")
    assert bootstrap(checkout, "trackers").returncode != 0
    assert not (checkout / ".venv/trackers/trackers.txt").exists()
    assert not (checkout / ".venv/installing").exists()
    stand_in(checkout, install="exit 0")
    assert bootstrap(checkout, "plan").stdout == ""
    assert bootstrap(checkout, "trackers").returncode == 0


def test_changed_requirements_are_installed(checkout):
    bootstrap(checkout, "plan")
    (checkout / "requirements/plan.txt").write_text("rich==0\n", encoding="utf-8")
    bootstrap(checkout, "plan")
    assert len(installs(checkout)) == 2
    assert (checkout / ".venv/plan.txt").read_text(encoding="utf-8") == "rich==0\n"


def test_an_interrupted_install_starts_over_in_an_empty_environment(checkout, monkeypatch):
    stand_in(checkout, install="kill -9 $PPID; sleep 0.1; exit 1")
    (checkout / ".venv/half-written").touch()
    assert bootstrap(checkout, "plan").returncode != 0
    assert not (checkout / ".venv/plan.txt").exists()
    venv = checkout / "python"  # what `python -m venv --clear .venv` does, in little
    remade = STAND_IN.format(install="exit 0")
    venv.write_text(
        "#!/bin/sh\nrm -rf .venv && mkdir -p .venv/bin .venv/lib/python3.11/site-packages\n"
        f"cat > .venv/bin/python <<'END'\n{remade}END\nchmod +x .venv/bin/python\n",
        encoding="utf-8",
    )
    venv.chmod(0o755)
    monkeypatch.chdir(checkout)
    monkeypatch.setattr(sys, "executable", str(venv))
    assert runpy.run_path("scripts/bootstrap.py")["main"]("plan") == 0
    assert not Path(".venv/half-written").exists()
    assert not Path(".venv/installing").exists()
    assert Path(".venv/plan.txt").exists()


def test_the_library_is_found_from_wherever_the_checkout_is(checkout):
    bootstrap(checkout, "plan")
    link = checkout / ".venv/lib/python3.11/site-packages/espalier.pth"
    assert (link.parent / link.read_text(encoding="utf-8")).resolve() == (
        checkout / "lib"
    ).resolve()


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("error: Request failed\\n  cause: dns error", "the package index cannot be reached"),
        ("error: Failed to fetch: http://127.0.0.1:9/rich/", "the package index cannot be reached"),
        ("note\\nerror: No space left on device", "error: No space left on device; full log:"),
        ("", "it said nothing"),
    ],
)
def test_a_failure_is_one_line_that_names_the_log(checkout, said, cause):
    stand_in(checkout, install=f"printf '{said}'; exit 1")
    done = bootstrap(checkout, "plan")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: installing stage 'plan' failed: {cause}")
    assert done.stderr.endswith("full log: .venv.log\n")
    assert done.stderr.count("\n") == 1
    assert "$ .venv/bin/python -m uv pip install" in (checkout / ".venv.log").read_text(
        encoding="utf-8"
    )


def test_without_network_what_was_there_still_works(checkout):
    bootstrap(checkout, "plan")
    stand_in(checkout, install="echo dns error; exit 1")
    assert bootstrap(checkout, "train").returncode == 2
    assert bootstrap(checkout, "train").returncode == 2
    assert bootstrap(checkout, "plan").returncode == 0


def test_two_at_once_install_once(checkout, spawn):
    with_lock = os.open(checkout / "requirements", os.O_RDONLY)
    fcntl.flock(with_lock, fcntl.LOCK_EX)
    command = ["sh", str(checkout / "scripts/bootstrap"), "plan"]
    second = spawn(command, stdout=subprocess.PIPE)
    assert second.stdout is not None
    assert second.stdout.readline() == "  SETUP   waiting for another make to finish its set-up\n"
    shutil.copy(checkout / "requirements/plan.txt", checkout / ".venv/plan.txt")
    os.close(with_lock)
    assert second.wait(timeout=60) == 0
    assert installs(checkout) == []


def test_silent_make_hears_of_errors_only(checkout):
    done = bootstrap(checkout, "plan", MAKEFLAGS="rRs --no-print-directory")
    assert (done.returncode, done.stdout) == (0, "")


def test_no_python_is_one_line(checkout, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "cmp", "dirname"):
        (tools / name).symlink_to(shutil.which(name) or name)
    done = bootstrap(checkout, "plan", PATH=str(tools))
    assert done.returncode == 2
    assert done.stderr.startswith("error: no Python 3.11 or newer on the PATH")
    assert done.stderr.count("\n") == 1


def pins(stage: str) -> set[str]:
    return set((ROOT / "requirements" / f"{stage}.txt").read_text(encoding="utf-8").splitlines())


def test_stages_pin_the_same_versions():
    assert pins("plan") < pins("train") < pins("dev")


@pytest.mark.parametrize("stage", ["plan", "train", "dev", "gpu", "ray", "samplers", "trackers"])
def test_requirements_are_exact_and_name_no_host(stage):
    assert all("==" in line and "://" not in line for line in pins(stage))


def test_planning_does_not_need_torch():
    assert not [line for line in pins("plan") if line.startswith(("torch", "nvidia", "triton"))]


def test_an_interrupted_upgrade_is_not_taken_for_a_finished_stage(checkout):
    bootstrap(checkout, "plan")
    (checkout / ".venv/installing").touch()
    python = checkout / "python"
    python.write_text('#!/bin/sh\necho "$*" >> asked\n', encoding="utf-8")
    python.chmod(0o755)
    bootstrap(checkout, "plan", PYTHON=str(python))
    assert (checkout / "asked").read_text(encoding="utf-8").endswith("scripts/bootstrap.py plan\n")


def test_a_stage_is_not_installed_while_packages_are_being_written(checkout, monkeypatch):
    bootstrap(checkout, "plan")
    monkeypatch.chdir(checkout)
    installed = runpy.run_path("scripts/bootstrap.py")["_installed"]
    assert installed("plan")
    Path(".venv/installing").touch()
    assert not installed("plan")
