"""Files travel whole, stay within a trial's folder, and are never more than fits."""

from __future__ import annotations

import os
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.core.errors import UserError
from espalier.run.ray import node_files
from espalier.run.ray.node_files import FolderChanges, LogReader

NAMES = st.text(string.ascii_letters + "._é", min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)


def put(folder: Path, **files: bytes) -> Path:
    """Write files; `__` in a name stands for the folder that it is in."""
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_a_trial_gets_its_folder_but_not_its_log_nor_what_was_set_aside(tmp_path: Path) -> None:
    put(tmp_path, config_txt=b"c", snapshots__e1=b"s", attempt_1__old=b"o")
    (tmp_path / "output.log").write_bytes(b"log")
    (tmp_path / "training_metrics.json").write_bytes(b"{}")
    (tmp_path / "link").symlink_to("/etc/passwd")
    sent = node_files.outgoing(tmp_path)
    assert sent == FolderChanges({"config.txt": b"c", "snapshots/e1": b"s"})
    assert node_files.outgoing(tmp_path / "absent") == FolderChanges()


@given(st.dictionaries(NAMES, st.binary(max_size=20), max_size=4))
def test_what_is_written_is_what_was_read(files: dict[str, bytes]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        node_files.write(Path(folder), FolderChanges(files))
        names = list(node_files.plain_files(Path(folder)))
        assert node_files.read(Path(folder), iter(names)).files == files


def test_files_that_are_gone_go_and_logs_grow(tmp_path: Path) -> None:
    put(tmp_path, snapshots__e1=b"1", snapshots__e2=b"2")
    (tmp_path / "output.log").write_bytes(b"before\n")
    changes = FolderChanges({"snapshots/e3": b"3"}, ("snapshots/e1", "absent"), b"more\n", ("big",))
    node_files.write(tmp_path, changes)
    left = sorted(node_files.plain_files(tmp_path))
    assert left == ["output.log", "snapshots/e2", "snapshots/e3"]
    log = (tmp_path / "output.log").read_text()
    assert log == "before\nmore\n== left on the node: big\n"


@pytest.mark.parametrize("name", ["../up", "/etc/x", "a/../../b", "..", ""])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(UserError, match="which is no path in it"):
        node_files.write(inner, FolderChanges({name: b"x"}))
    assert list(tmp_path.rglob("*")) == [inner]


def test_a_link_out_of_the_folder_is_not_written_through(tmp_path: Path) -> None:
    outside, inner = tmp_path / "outside", tmp_path / "inner"
    outside.mkdir()
    inner.mkdir()
    (inner / "link").symlink_to(outside)
    with pytest.raises(UserError, match="link: is a link, and no node writes over it"):
        node_files.write(inner, FolderChanges({"link/x": b"x"}))
    assert list(outside.iterdir()) == []


def test_what_is_too_large_stays_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_files, "LARGEST", 10)
    put(tmp_path, a=b"1234567", b=b"12345", c=b"123")
    changes = node_files.read(tmp_path, iter(["a", "b", "c", "gone"]))
    assert changes.files == {"a": b"1234567", "c": b"123"}
    assert changes.left_out == ("b: 5 bytes, of 10 that travel at a time",)


def test_a_log_is_read_on_from_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "output.log"
    reader = LogReader(path)
    assert reader.read() == b""
    path.write_bytes(b"one\n")
    assert (reader.read(), reader.read()) == (b"one\n", b"")
    monkeypatch.setattr(node_files, "KEPT", 3)
    with path.open("ab") as log:
        log.write(b"abcdefghi")
    assert reader.read() == b"abc\n== 3 bytes are left out here\nghi"
    os.truncate(path, 2)
    assert reader.read() == b""
    with path.open("ab") as log:
        log.write(b"new")
    assert reader.read() == b"new"


def test_drafts_and_other_files_wait_for_the_end_of_their_trial() -> None:
    names = ["snapshots/e1.pt", "snapshots/.e1.pt.7.pt", "model.pt", "output.log"]
    assert [name for name in names if node_files.in_progress(name)] == ["snapshots/e1.pt"]


def test_a_name_that_the_disk_does_not_take_stops_nothing(tmp_path: Path) -> None:
    node_files.write(tmp_path, FolderChanges({"x" * 300: b"1", "a": b"2"}))
    assert (tmp_path / "a").read_bytes() == b"2"
    assert f"{'x' * 300}: File name too long" in (tmp_path / "output.log").read_text()
