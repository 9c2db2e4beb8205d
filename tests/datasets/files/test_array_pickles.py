"""Pickles of others: arrays are read as they are, and nothing that a file names is run."""

from __future__ import annotations

import io
import os
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from espalier.datasets.files import array_pickles

CONTENT = {
    "data": np.arange(24, dtype=np.uint8).reshape(4, 6),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "foreign": np.arange(3, dtype=">i4"),
    "labels": [1, 2, 3],
    "one": np.int64(7),
    "bytes": b"\x00\xff",
    "names": ["cat", "dog"],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_plain_data_are_read_as_they_are(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps(CONTENT, protocol))
    content = array_pickles.read(path)
    assert content.keys() == CONTENT.keys()
    assert all(np.array_equal(content[name], CONTENT[name]) for name in CONTENT)
    assert content["data"].dtype == np.uint8 and content["one"] == 7


def test_a_batch_as_python_2_wrote_it(tmp_path: Path) -> None:
    """As the published files are: byte strings, and numpy 1's names."""
    path = tmp_path / "batch"
    path.write_bytes(
        b"\x80\x02}q\x00(U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\n"
        b"q\x03K\x00\x85U\x01b\x87Rq\x04(K\x01K\x01K\x02\x86cnumpy\ndtype\nq\x05U\x02u1K\x00K\x01"
        b"\x87Rq\x06(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02\x01\xfftb"
        b"U\x06labelsq\x07]q\x08K\x05au."
    )
    content = array_pickles.read(path)
    assert content["data"].tolist() == [[1, 255]] and content["labels"] == [5]


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *args: Any) -> None:
        self._call = function, args

    def __reduce__(self) -> Any:
        return self._call


class Persistent(pickle.Pickler):
    """Pickles as a reference to something outside of the file."""

    def persistent_id(self, obj: object) -> str | None:
        return "elsewhere" if obj == "x" else None


def hostile(canary: str) -> dict[str, bytes]:
    persistent = io.BytesIO()
    Persistent(persistent).dump({"data": "x"})
    state = (3, "|", None, None, None, -1, -1, 0)
    objects = np.array([1, "a"], dtype=object)
    array = b"cnumpy.core.multiarray\n_reconstruct\n"
    return {
        "a call": pickle.dumps({"data": Call(os.system, f"touch {canary}")}, 2),
        "a call by protocol 4": pickle.dumps({"data": Call(os.system, f"touch {canary}")}, 4),
        "a call at the top": pickle.dumps(Call(Path.touch, Path(canary))),
        "eval": pickle.dumps({"data": Call(eval, f"open({canary!r}, 'w')")}),
        "a partial call": pickle.dumps({"data": partial(open, canary, "w")}),
        "numpy's own loader": pickle.dumps({"data": Call(np.load, canary)}),
        "an instance of a class": b"(ios\nsystem\n.",
        "a name with a dot": b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__class__\x93.",
        "a reference": persistent.getvalue(),
        "objects": pickle.dumps({"data": objects}),
        "a record": pickle.dumps({"data": np.zeros(2, dtype=[("a", "u1")])}),
        "objects that say they are numbers": b"\x80\x02cnumpy\ndtype\nU\x01OK\x00K\x01\x87R"
        + pickle.dumps(state, 2)[2:-1]
        + b"b.",
        "attributes of a function": array + b"}(Vx\nVy\nus\x85b.",
        "more bytes than its shape": pickle.dumps({"data": CONTENT["data"]}, 2).replace(
            b"K\x04K\x06\x86", b"K\x04K\x07\x86"
        ),
        "no dict": pickle.dumps([1]),
        "nothing": b"",
        "half": pickle.dumps(CONTENT, 2)[:-40],
    }


@pytest.mark.parametrize("what", hostile(""))
def test_anything_else_is_refused_and_nothing_is_run(tmp_path: Path, what: str) -> None:
    canary, path = tmp_path / "canary", tmp_path / "batch"
    path.write_bytes(hostile(str(canary))[what])
    with pytest.raises((pickle.UnpicklingError, ValueError, AttributeError, EOFError, TypeError)):
        array_pickles.read(path)
    assert not canary.exists()


def test_the_payload_would_have_been_run(tmp_path: Path) -> None:
    pickle.loads(hostile(str(tmp_path / "canary"))["a call"])
    assert (tmp_path / "canary").exists()
