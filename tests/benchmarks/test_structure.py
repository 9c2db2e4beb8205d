"""The measures of structure, on a tree of four modules."""

from __future__ import annotations

from pathlib import Path

import pytest
import structure

FILES = {
    "lib/espalier/__init__.py": "",
    "lib/espalier/plan/__init__.py": "",
    "lib/espalier/plan/trial.py": "class Trial: ...\nclass _Walk: ...\nfound = 1\n",
    "lib/espalier/plan/axis.py": "class Axis: ...\n",
    "lib/espalier/run/trial.py": (
        'class Trial:\n    def load(self):\n        """See `Axis.load`."""\n'
        'class Pupil:\n    """See `Trial`, which is longer."""\n'
    ),
    "models/mlp.py": "one = 'one'  # one\n",
    "tests/test_trial.py": "found, known = 1, 2\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "lib/espalier/models").symlink_to("../../models")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("biggest room, share of lines", "run 50.0%"),  # 5 of 4 + 5 + 1
        ("most modules in a room", "plan 2"),
        ("file stems in two rooms", "1"),  # trial
        ("public classes in two modules", "1"),  # Trial
        ("vague identifiers", "4 (found 2, one 1, known 1)"),  # not in texts and comments
        ("nouns of a trial", "2"),  # Trial, Pupil
        ("filler docstrings", "1"),
        ("lines (source + tests)", "11 (10 + 1)"),
    ],
)
def test_each_measure(root, name, value):
    assert structure.MEASURES[name](structure.Checkout(root)) == value


def test_checkouts_stand_side_by_side(root, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["structure.py", str(root), str(root)])
    structure.main()
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == [str(root)] * 2
    assert len(lines) == len(structure.MEASURES)
    assert " ".join(lines[1].split()) == "most modules in a room plan 2 plan 2"
