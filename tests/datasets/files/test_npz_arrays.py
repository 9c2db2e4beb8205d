"""Archives of arrays: what is read of them, what is counted, and what is none."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import own_data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espalier.core.errors import UserError
from espalier.datasets.files.npz_arrays import NpzFile
from espalier.datasets.sample_counts import ImageCounts

Y = np.arange(20) % 2


def refused(path: Path) -> str:
    """The one line that counting a file ends in, without its path."""
    with pytest.raises(UserError) as caught:
        NpzFile(path).count()
    (line,) = caught.value.lines
    assert "\n" not in line
    return line.removeprefix(f"{path}: ")


def saved(folder: Path, **arrays: Any) -> Path:
    """An archive of the arrays, or of twenty rows of zeros."""
    path = folder / "own.npz"
    np.savez(path, **({"x": np.zeros((20, 4), np.uint8), "y": Y} | arrays))
    return path


def zipped(folder: Path, member: bytes) -> Path:
    """An archive whose y is the given bytes."""
    path = folder / "own.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"")
        archive.writestr("y.npy", member)
    return path


def header(text: str, data: bytes = b"") -> bytes:
    """A .npy of version 1.0 with a header as it stands."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + data


def test_labels_are_counted(tmp_path: Path) -> None:
    assert NpzFile(saved(tmp_path)).count() == ImageCounts(16, 2, 4)  # 10 a class, every fifth
    path = saved(tmp_path, x_test=np.zeros((3, 4)), y_test=np.array([0, 1, 1], np.uint8))
    assert NpzFile(path).count() == ImageCounts(20, 2, 3)


def test_a_compressed_archive_is_read_as_well(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "own.npz", x=Y, y=Y)
    assert NpzFile(tmp_path / "own.npz").read("x").tolist() == Y.tolist()


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"y": Y + 1}, "array y: no sample has label 0, and one has 1; labels must be 0, 1, 2"),
        ({"y": Y * 2}, "array y: no sample has label 1, and one has 2;"),
        ({"y": Y - 1}, "array y: no sample has label 0, and one has -1;"),
        ({"y": Y * 10**12}, "array y: no sample has label 1, and one has 1000000000000;"),
        ({"y": Y * 0}, "array y: holds 1 class; labels must be"),
        ({"y": Y[:0]}, "array y: holds 0 classes;"),
        ({"y": Y[:4]}, "array y: no class has samples enough to leave one in five for a test"),
        ({"y": Y / 1}, "array y: is float64 of shape (20,); must be one integer a sample"),
        ({"y": Y[:, None]}, "array y: is int64 of shape (20, 1);"),
        ({"y": Y == 1}, "array y: is bool of shape (20,);"),
        ({"y": np.full(20, 2**64 - 1)}, "array y: a label is 18446744073709551615: is no class"),
        ({"y": np.array(["a"] * 20)}, "array y: cannot be read (holds <U1, not numbers)"),
        ({"y": np.array([{}] * 20)}, "array y: cannot be read (holds Python objects, whose"),
        ({"x_test": Y}, "holds x, x_test, y; must hold the arrays x and y, and both or none of"),
        ({"x_test": Y, "y_test": Y + 1}, "array y_test: must hold labels in 0..1, the classes of"),
        ({"x_test": Y, "y_test": Y[:0]}, "array y_test: must hold labels in 0..1"),
    ],
)  # fmt: skip
def test_labels_that_are_no_classes_are_named(
    tmp_path: Path, arrays: dict[str, Any], why: str
) -> None:
    assert refused(saved(tmp_path, **arrays)).startswith(why)


def test_other_names_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", x_train=Y, y_train=Y)
    assert refused(tmp_path / "own.npz").startswith("holds x_train, y_train; must hold the arrays")


class Trap:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Make a folder, where a reader of pickles would."""
        return os.mkdir, ("trapped",)


def test_no_pickle_is_ever_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Python objects" in refused(saved(tmp_path, y=np.array([Trap()], dtype=object)))
    for content in (pickle.dumps(Trap()), header("{'descr': '|O', 'shape': (1,), }\n")):
        assert "cannot be read" in refused(zipped(tmp_path, content))
        (tmp_path / "own.npz").write_bytes(content)
        assert "is no archive that numpy.savez wrote" in refused(tmp_path / "own.npz")
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,)}\n", "asks for 8000"),
        ("{'descr': '<i8', 'fortran_order': False, 'shape': (-1,)}\n", "asks for"),
        ("{'descr': '<i8', 'fortran_order': False, 'shape': (True,)}\n", "asks for"),
        ("{'descr': 'nonsense', 'fortran_order': False, 'shape': (1,)}\n", "descr"),
        ("{'descr': [('a', '<i8')], 'fortran_order': False, 'shape': (0,)}\n", "not numbers"),
        ("__import__('os')\n", ""),
        ("(" * 5000, ""),
    ],
)
def test_a_header_is_not_believed(tmp_path: Path, text: str, why: str) -> None:
    line = refused(zipped(tmp_path, header(text)))
    assert line.startswith("array y: cannot be read (") and why in line


def test_what_is_no_archive_is_one_line(tmp_path: Path) -> None:
    assert refused(tmp_path / "absent").startswith("no such file; put the archive there")
    assert refused(tmp_path).startswith("is no file")
    assert "File name too long" in refused(tmp_path / ("n" * 300))
    assert "is no archive" in refused(tmp_path / "a\0b")
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe").startswith("is no file")
    np.save(tmp_path / "one.npy", Y)
    assert refused(tmp_path / "one.npy").startswith("is no archive that numpy.savez wrote")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2000), st.binary(min_size=1, max_size=4))
def test_damage_is_one_line_or_none(place: int, patch: bytes) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros((20, 4), np.uint8), y=Y)
    content = bytearray(buffer.getvalue())
    place %= len(content)
    content[place : place + len(patch)] = patch
    own_data.read_damaged(bytes(content), lambda path: NpzFile(path).count())
