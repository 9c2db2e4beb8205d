"""A digest changes with what code does, and with nothing else."""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from espalier.scripts.code_digest import is_own, trace

PROGRAM = """
import functools
SCALE, NAMES = 2, {"b", "a", ("c", 1)}

def inner(x): return x * SCALE

class Net:
    kinds = frozenset({"x", "y", "z"})
    def __init__(self, width=3): self.width = inner(width)
    @staticmethod
    def other(): return Net, NAMES
    @property
    def size(self): return self.width

def fit(config, log, rate=0.1): return [Net for _ in range(3)]
"""
PRINTED = """
from espalier.scripts.code_digest import trace
print(*(trace(x).digest for x in (Net, fit, functools.partial(fit, rate=1))))
"""


def digest(item: object) -> str:
    return trace(item).digest


def defined(text: str, name: str = "fit") -> Any:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "cell", "exec"), space)  # noqa: S102
    return space[name]


def test_every_process_has_the_same(tmp_path: Path) -> None:
    """Whatever the order of sets is there."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM + PRINTED)
    command = [sys.executable, "-P", str(path)]
    runs = [
        subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True)
        for seed in ("1", "2", "3")
    ]
    assert len({run.stdout for run in runs}) == 1 and len(set(runs[0].stdout.split())) == 3, runs


@pytest.mark.parametrize("name", ["Net", "fit"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SCALE, NAMES = 2", "SCALE, NAMES = 3"),
        ("x * SCALE", "x + SCALE"),
        ("width=3", "width=4"),
        ('"z"', '"w"'),
        ("return Net, NAMES", "return NAMES, Net"),
        ('("c", 1)', '("c", 2)'),
        ("return self.width", "return 2 * self.width"),
    ],
)
def test_what_the_code_does_counts(name: str, old: str, new: str) -> None:
    assert digest(defined(PROGRAM.replace(old, new), name)) != digest(defined(PROGRAM, name))


@pytest.mark.parametrize("name", ["Net", "fit"])
@pytest.mark.parametrize("text", ["# a comment\n\n", "OTHER = 4\n", "def unused(): return 5\n"])
def test_nothing_else_does(name: str, text: str) -> None:
    assert digest(defined(text + PROGRAM, name)) == digest(defined(PROGRAM, name))


def test_a_name_that_is_only_an_attribute_is_no_global() -> None:
    text = "weight = {}\ndef fit(config, log): return config.weight\n"
    assert digest(defined(text.format(1))) == digest(defined(text.format(2)))


def test_closures_defaults_and_data_count() -> None:
    def closed(value: object) -> Any:
        return lambda: value

    values = [1, 1.0, True, "1", b"1", None, (1,), [1], {1: 1}, np.ones(2), np.zeros(2)]
    values += [functools.partial(print, end=""), functools.partial(print), np.float32, len]
    assert len({digest(closed(value)) for value in values}) == len(values)
    assert digest(closed(np.ones(2))) == digest(closed(np.ones(2)))


def test_a_variable_that_has_no_value_yet_counts_as_none() -> None:
    def outer(late: bool) -> Callable[[], int]:
        if late:
            value = 3
        return lambda: value

    assert trace(outer(False)).digest == trace(outer(False)).digest != trace(outer(True)).digest


def test_tensors_count_by_their_values() -> None:
    torch = pytest.importorskip("torch")
    ones, other = torch.ones(3), torch.tensor([1.0, 1.0, 2.0])
    assert digest(ones) == digest(torch.ones(3)) != digest(other)
    assert digest(torch.ones(())) != digest(torch.ones((), dtype=torch.bfloat16))


def test_a_cached_function_counts_as_what_it_calls() -> None:
    text = "import functools\n@functools.cache\ndef inner(): return {}\ndef fit(): return inner()"
    assert digest(defined(text.format(1))) != digest(defined(text.format(2)))


def test_what_holds_itself_has_an_end() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert digest(endless) != digest([])


def test_what_cannot_be_taken_apart_raises() -> None:
    with pytest.raises(TypeError, match="pickle"):
        digest(item for item in ())


def test_installed_modules_stand_for_themselves() -> None:
    assert (
        not is_own("json") and not is_own("sys") and not is_own("espalier") and is_own("__main__")
    )
    assert is_own("no_such_module")
    assert digest(Path) != digest(subprocess.run)


def test_modules_of_the_user_count_with_what_they_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))

    def digest_with(inner: str) -> str:
        for name in ("outer_part", "inner_part"):
            sys.modules.pop(name, None)
        (tmp_path / "outer_part.py").write_text("from inner_part import f\n")
        (tmp_path / "inner_part.py").write_text(inner)
        importlib.invalidate_caches()
        module = importlib.import_module("outer_part")
        assert sorted(trace(module.f).files) == [str(tmp_path / "inner_part.py")]
        assert len(trace(module).files) == 2
        return digest(module)

    assert digest_with("def f(): return 1\n") != digest_with("def f(): return 22\n")
    assert digest(ModuleType("made")) != digest(ModuleType("other"))
