from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from espalier.core import revision

GIT = ("git", "-c", "user.name=n", "-c", "user.email=e")


def fresh(root: Path) -> dict[str, object]:
    revision.code.cache_clear()
    return revision.code(root).as_json()


def test_code_is_the_commit_and_what_differs_from_it(tmp_path: Path) -> None:
    def git(*args: str) -> None:
        subprocess.run([*GIT, *args], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    (tmp_path / "a.py").write_text("1", encoding="utf-8")
    git("add", "a.py")
    git("commit", "-m", "one")
    clean = fresh(tmp_path)
    assert len(str(clean["commit"])) == 40
    assert (clean["modified"], clean["changes"]) == (False, "")
    changed = []
    for text in ("2", "3"):
        (tmp_path / "a.py").write_text(text, encoding="utf-8")
        changed.append(fresh(tmp_path))
    assert {code["commit"] for code in changed} == {clean["commit"]}
    assert all(code["modified"] for code in changed)
    assert changed[0]["changes"] != changed[1]["changes"]


def test_without_a_repository_nothing_is_known(tmp_path: Path) -> None:
    assert fresh(tmp_path) == {"commit": "", "modified": False, "changes": ""}


def test_versions_are_known_without_importing_anything() -> None:
    code = (
        "import sys; from espalier.core import revision; found = revision.versions(); "
        "assert found['torch'] and found['python']; assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
