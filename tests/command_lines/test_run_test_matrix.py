"""scripts/run_test_matrix.py, started as the guide does: with any Python, from anywhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from espalier.core.paths import ROOT


def started(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts/run_test_matrix.py"), *arguments]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which all stages are installed, with a stand-in for Python."""
    root = tmp_path / "a checkout"
    for folder in ("scripts", "requirements"):
        shutil.copytree(ROOT / folder, root / folder)
    python = root / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nif [ "$2" = -m ]; then echo "$(pwd): $*"; fi\n', encoding="utf-8")
    python.chmod(0o755)
    for stage in ("plan", "train"):
        shutil.copy(root / f"requirements/{stage}.txt", root / ".venv")
    return root


def test_it_runs_in_the_checkout(checkout: Path) -> None:
    options = ["--config-dir", "sweep_configs", "--output-dir", "my_sweep_results"]
    done = started(checkout, *options)
    assert done.stdout == f"{checkout}: -P -m espalier sweep-run {' '.join(options)}\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_it_says_what_keeps_it_from_running(checkout: Path) -> None:
    """Here the stand-in is the only Python, and cannot install what is missing."""
    (checkout / ".venv/train.txt").unlink()
    (checkout / ".venv/installing").touch()
    script = (checkout / "scripts/bootstrap.py").read_text(encoding="utf-8")
    (checkout / "scripts/bootstrap.py").write_text(
        script.replace('"-m", "venv"', '"-m", "there_is_no_venv"'), encoding="utf-8"
    )
    done = started(checkout, "--config-dir", "x")
    assert done.returncode == 2
    assert "cannot make a virtual environment" in done.stderr
    assert done.stderr.endswith("full log: .venv.log\n")
    assert done.stderr.count("\n") == 1


def test_a_dry_run_for_real(tmp_path: Path) -> None:
    (tmp_path / "config_001").write_text('CONFIG_SEED=1\nCONFIG_DEVICE="cpu"\n', encoding="utf-8")
    done = started(ROOT, "--config-dir", str(tmp_path), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "config_001" in done.stdout
