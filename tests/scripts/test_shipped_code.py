"""Code of a program reaches another process, or is refused in one line."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.scripts import shipped_code

PROGRAM = """
import sys
from pathlib import Path
import own_part
from espalier.scripts import shipped_code
SCALE = 3
class Net:
    def __init__(self, width=2): self.width = width
    def area(self): return own_part.double(self.width) * SCALE
class Wide(Net):
    def area(self): return super().area() + 1
code, _ = shipped_code.pack(Wide, "model")
shipped_code.write(Path(sys.argv[1]), code)
"""
READER = """
import sys
from pathlib import Path
from espalier.scripts import shipped_code
kind = shipped_code.load(Path(sys.argv[1]))
print(kind(5).area(), kind is shipped_code.load(Path(sys.argv[1])))
"""


def run(folder: Path, text: str, file: Path) -> str:
    """Run a program that lies in `folder`; return what it prints."""
    folder.mkdir()
    (folder / "program.py").write_text(text)
    if folder.name == "first":
        (folder / "own_part.py").write_text("def double(x): return 2 * x\n")
    command = [sys.executable, str(folder / "program.py"), str(file)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_classes_of_a_program_and_modules_beside_it_reach_another_process(tmp_path: Path) -> None:
    file = tmp_path / "code.pickle"
    run(tmp_path / "first", PROGRAM, file)
    assert run(tmp_path / "second", READER, file) == "31 True\n"
    (tmp_path / "first" / "own_part.py").write_text("def double(x): return 3 * x\n")
    with pytest.raises(UserError, match=r"own_part.py: is not as it was when the sweep began"):
        shipped_code.load(file)


@pytest.mark.parametrize("item", [threading.Lock(), sys.stdout, (n for n in "")])
def test_what_cannot_travel_is_one_line(item: object) -> None:
    def fit() -> object:
        return item

    with pytest.raises(UserError) as caught:
        shipped_code.pack(fit, "train=fit")
    assert len(caught.value.lines) == 1 and "\n" not in str(caught.value)
    assert str(caught.value).startswith("train=fit: cannot be sent to worker processes: ")


def test_the_digest_is_that_of_the_code_and_the_bytes_are_not() -> None:
    first, second = (shipped_code.pack(run, "train") for _ in range(2))
    assert first[1] == second[1] and len(first[1]) == 16
