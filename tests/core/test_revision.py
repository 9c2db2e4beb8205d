"""The revision tells code from everything else, in a checkout and without one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from espalier.core import revision
from espalier.core.paths import LIBRARY, ROOT
from espalier.core.records import Revision

GIT = ("git", "-c", "user.name=n", "-c", "user.email=e")
CODE = ["lib/espalier/train/loop.py", "lib/espalier/optimizers/sgd.Kconfig", "models/mlp.py"]
CODE += ["Kconfig", "lib/espalier/train/Kconfig"]
FRESH_CODE = ["models/new.py", "models/new.Kconfig", "lib/espalier/methods/own/new.py"]
NO_CODE = ["README.md", "tests/test_a.py", "defconfigs/a-range", "lib/espalier/report/tables.py"]
NO_CODE += ["sweep_configs/config_001", "results/sweep/sweep.db", "run.log", "models/sweep.png"]
NO_CODE += ["models/model.pt", "lib/espalier/train/.#loop.py", "lib/espalier/__pycache__/x.py"]
NO_CODE += ["lib/espalier/search/focus.py", "lib/espalier/commands/train.py"]
NO_CODE += ["requirements/train.txt", "lib/espalier/report/templates/page.txt", "notes.py"]
NO_CODE += ["lib/espalier/tests/test_components.py"]


def git(folder: Path, *args: str) -> None:
    subprocess.run([*GIT, *args], cwd=folder, check=True, capture_output=True)


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def fresh(root: Path) -> Revision:
    revision.code.cache_clear()
    revision.sources.cache_clear()
    return revision.code(root / "lib" / "espalier")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A committed checkout, with models linked as ours are."""
    for name in [*CODE, "README.md", "defconfigs/a-range", "lib/espalier/__init__.py"]:
        write(tmp_path, name, "1")
    write(tmp_path, "lib/espalier/report/tables.py", "1")
    (tmp_path / "lib" / "espalier" / "models").symlink_to("../../models")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    return tmp_path


def test_a_clean_checkout_is_its_commit(root: Path) -> None:
    clean = fresh(root)
    assert len(str(clean.commit)) == 40 and len(str(clean.sources)) == 16
    assert (clean.modified, clean.changes, clean.files) == (False, "", [])
    assert revision.describe(clean) == f"commit {clean.commit:.12} [code {clean.sources:.12}]"


@pytest.mark.parametrize("name", [*CODE, *FRESH_CODE])
def test_code_that_changes_is_another_revision_that_names_the_file(root: Path, name: str) -> None:
    clean, changed = fresh(root), []
    for text in ("2", "3"):
        write(root, name, text)
        changed.append(fresh(root))
    for code in changed:
        assert (code.commit, code.modified, code.files) == (clean.commit, True, [name])
        assert code.differs(clean) and f"with changes in {name} [code " in revision.describe(code)
    assert changed[0].differs(changed[1]) and changed[0].changes != changed[1].changes


def test_what_no_number_hangs_on_is_no_code(root: Path) -> None:
    clean = fresh(root)
    for name in NO_CODE:
        write(root, name, "2")
    (root / "models" / "gone.py").symlink_to("nowhere")  # as a lock of an editor
    assert not fresh(root).differs(clean)
    git(root, "add", "README.md")
    git(root, "commit", "-m", "a page alone")
    later = fresh(root)
    assert later.commit != clean.commit and not later.differs(clean)


def test_a_change_that_is_committed_is_the_same_code(root: Path) -> None:
    write(root, CODE[0], "2")
    before = fresh(root)
    git(root, "commit", "-am", "two")
    after = fresh(root)
    assert not after.differs(before) and after.commit != before.commit


def test_a_loop_of_links_ends(root: Path) -> None:
    clean = fresh(root)
    (root / "models" / "loop").symlink_to("../lib")
    assert fresh(root).sources == clean.sources


def test_a_hook_of_another_repository_does_not_matter(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = fresh(root)
    monkeypatch.setenv("GIT_DIR", str(root / "nowhere"))
    assert fresh(root) == clean


def test_without_git_it_is_the_version_and_the_code(root: Path, tmp_path: Path) -> None:
    clean = fresh(root)
    shutil.rmtree(root / ".git")
    bare = fresh(root)
    assert (bare.commit, bare.modified, bare.files) == ("", False, [])
    assert not bare.differs(clean)
    text = f"version {bare.version}, no commit [code {bare.sources:.12}]"
    assert revision.describe(bare) == text
    write(root, CODE[0], "2")
    assert fresh(root).differs(bare)


def test_an_environment_within_another_repository_has_no_commit(tmp_path: Path) -> None:
    write(tmp_path, "a", "1")
    write(tmp_path, ".gitignore", ".venv")
    git(tmp_path, "init")
    git(tmp_path, "add", "a", ".gitignore")
    git(tmp_path, "commit", "-m", "not ours")
    write(tmp_path, ".venv/lib/espalier/__init__.py", "1")
    assert fresh(tmp_path / ".venv").commit == ""


def test_records_without_a_hash_are_compared_as_they_were() -> None:
    old = Revision(commit="a", modified=False, changes="")
    assert not old.differs(Revision(commit="a", modified=False, changes="", sources="1"))
    assert old.differs(Revision(commit="b", modified=False, changes="", sources="1"))


def test_our_own_code_is_all_found() -> None:
    names = {name for name, _ in revision._code_files(LIBRARY)}  # noqa: SLF001
    assert {"Kconfig", "models/mlp.py", "models/mlp.Kconfig", "train/loop.py"} <= names
    assert not any(name.startswith(tuple(revision.OUTSIDE)) for name in names)


def test_versions_are_known_without_importing_anything() -> None:
    code = (
        "import sys; from espalier.core import revision; found = revision.versions(); "
        "assert found['torch'] and found['python']; assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_training_imports_what_is_outside() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = contracts["tool"]["importlinter"]["contracts"][0]["layers"][::-1]  # the first in front
    last = max(rooms.index(room) for room in ("train", "methods"))
    assert all(rooms.index(room) > last for room in revision.OUTSIDE)
    listing = "print(*(name for name in sys.modules if 'espalier.' in name))"
    code = f"import sys, espalier.run.workers.worker; {listing}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.split(".")[1] for name in done.stdout.split()} & {*revision.OUTSIDE}


def test_another_script_is_other_code() -> None:
    first, other = (Revision(sources="1", script=text) for text in "ab")
    assert first.differs(other) and not first.differs(first)
    assert Revision(sources="1").differs(first) and not Revision(sources="1").differs(
        Revision(sources="1")
    )
    assert revision.describe(Revision(version="1", sources="1", script="abc")).endswith(
        " [code 1] [script abc]"
    )
