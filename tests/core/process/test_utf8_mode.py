"""Texts and file names are UTF-8 in every locale; run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def espalier(folder: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-P", "-m", "espalier", *args]
    variables = {**os.environ, **ASCII, **environment}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, check=False)


def test_a_configuration_names_folders_in_utf_8(tmp_path: Path) -> None:
    text = '\ufeff# Préset\nCONFIG_DATA_DIR="données"\n'
    (tmp_path / ".config").write_text(text, encoding="utf-8")
    done = espalier(tmp_path, "config", "olddefconfig")
    assert (done.returncode, done.stderr) == (0, b"")
    first = (tmp_path / ".config").read_text(encoding="utf-8")
    assert first.startswith("# Préset\n")
    assert 'CONFIG_DATA_DIR="données"\n' in first
    (tmp_path / "é").write_text('CONFIG_DATA_DIR="données"\nCONFIG_SEED=1|x\n', encoding="utf-8")
    refused = espalier(tmp_path, "sweep-generate", "é")
    assert refused.returncode == 2
    assert refused.stderr.decode().startswith("error: é:2: CONFIG_SEED=x: must be a decimal")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_output_that_cannot_encode_gets_escapes(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "r").write_text("CONFIG_é数=1\n", encoding="utf-8")
    done = espalier(tmp_path, "sweep-generate", "r", PYTHONIOENCODING=encoding)
    shown = {"ascii": b"CONFIG_\\xe9\\u6570", "latin-1": b"CONFIG_\xe9\\u6570"}[encoding]
    assert done.stderr.startswith(b"error: r:1: " + shown + b": no such symbol")
