from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from espalier.core import file_digest

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_it_is_the_sha256_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert file_digest.file_sha256(path) == file_digest.kept_sha256(path) == EMPTY


def test_a_file_that_is_as_it_was_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    first = file_digest.kept_sha256(path)
    monkeypatch.setattr(file_digest, "file_sha256", lambda path: "read")
    assert file_digest.kept_sha256(path) == first == hashlib.sha256(b"one").hexdigest()
    os.utime(path, ns=(0, 0))
    assert file_digest.kept_sha256(path) == "read"


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        file_digest.kept_sha256(tmp_path / "absent")
