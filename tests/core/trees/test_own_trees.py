"""Trees outside are those that EXTERNAL names, and what they hold is found beside ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from espalier.commands.options.external_option import take_external
from espalier.core import component, revision
from espalier.core.errors import UserError
from espalier.core.paths import LIBRARY, ROOT
from espalier.core.records import Provenance
from espalier.core.trees import own_trees
from espalier.kconfig import defconfigs, tree

Use = Callable[..., None]
FRAGMENT = 'config MODEL_SELECT_{0}\n\tbool "{0}"\n'


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """Use trees until the test ends. What was cached of others is forgotten."""
    monkeypatch.setenv(own_trees.VARIABLE, "")

    def start(*trees: Path) -> None:
        forget()
        own_trees.use(":".join(map(str, trees)))

    yield start
    forget()


def forget() -> None:
    own_trees._read_trees.cache_clear()  # noqa: SLF001
    revision.sources.cache_clear()
    revision.code.cache_clear()


def write(top: Path, name: str, text: str = "") -> Path:
    path = top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def model(top: Path, name: str, room: str = "models") -> Path:
    write(top, f"{room}/{name}.py", "x = 1\n")
    return write(top, f"{room}/{name}.Kconfig", FRAGMENT.format(name.upper()))


def test_without_a_tree_nothing_is_outside(use: Use) -> None:
    use()
    assert own_trees.external() == () and own_trees.VARIABLE not in os.environ
    assert own_trees.rooms("models") == [LIBRARY / "models"]
    assert own_trees.search_path("models") == [] and own_trees.label() == ""
    assert revision.trees() is None and "trees" not in revision.code().as_json()


def test_trees_are_found_once_by_absolute_paths(
    use: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model(tmp_path / "a", "one")
    model(tmp_path / "b", "two")
    monkeypatch.chdir(tmp_path)
    use(Path("a"), Path("b"), Path("a"))
    assert own_trees.external() == (tmp_path / "a", tmp_path / "b")
    assert os.environ["EXTERNAL"] == f"{tmp_path}/a:{tmp_path}/b"
    assert {"one", "two", "mlp"} <= set(component.names("model"))
    assert own_trees.search_path("methods") == []


def test_a_tree_whose_path_has_wild_characters_is_in_the_menus(use: Use, tmp_path: Path) -> None:
    top = tmp_path / "a [tree] $(x)"
    model(top, "one")
    write(top, "Kconfig", "config OWN\n\tbool\n")
    use(top)
    kconf = tree.parse()
    assert "MODEL_SELECT_ONE" in kconf.syms and "OWN" in kconf.syms
    use()
    assert "MODEL_SELECT_ONE" not in tree.parse().syms


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{0}/none", "no such folder; make it"),
        ("{0}/file", "no such folder; make it"),
        ("~nobody there/x", "no such folder; make it"),
        ("{0}/link", "a colon or no text is in its path; rename the folder"),
        ("{0}/two\nlines", "a colon or no text is in its path; rename the folder"),
        ("{0}", "has none of Kconfig, defconfigs, models, "),
        (str(ROOT), "is the harness's own tree; leave it out"),
    ],
)
def test_what_is_no_tree_is_refused(use: Use, tmp_path: Path, text: str, rule: str) -> None:
    write(tmp_path, "file")
    (tmp_path / "a:b").mkdir()
    (tmp_path / "link").symlink_to("a:b")
    with pytest.raises(UserError, match=rule) as caught:
        use(Path(text.format(tmp_path)))
    assert str(caught.value).startswith(f"EXTERNAL={text.format(tmp_path)}: ")


def test_a_name_that_stands_twice_names_both_files(use: Use, tmp_path: Path) -> None:
    first, second = model(tmp_path / "a", "one"), model(tmp_path / "b", "one")
    with pytest.raises(UserError) as caught:
        use(tmp_path / "a", tmp_path / "b")
    assert str(caught.value) == f"{second}: 'one' stands in {first} too; rename one of the two"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("models/mlp.Kconfig", "models/mlp.Kconfig"),
        ("models/residual.py", "models/residual.py"),
        ("methods/rigl.Kconfig", "methods/rewiring/rigl.Kconfig"),
        ("methods/own/rigl.Kconfig", "methods/rewiring/rigl.Kconfig"),
        ("methods/rewiring/mine.py", "methods/rewiring"),
    ],
)
def test_what_is_ours_already_is_refused(use: Use, tmp_path: Path, name: str, other: str) -> None:
    path = write(tmp_path, name)
    path.with_suffix(".py").touch()
    with pytest.raises(UserError, match=f"stands in {LIBRARY / other} too; rename"):
        use(tmp_path)


def test_a_preset_that_stands_twice_is_refused(use: Use, tmp_path: Path) -> None:
    write(tmp_path, "defconfigs/digits-parts")
    with pytest.raises(UserError, match=f"stands in {ROOT}/defconfigs/digits-parts too"):
        use(tmp_path)


def test_presets_of_a_tree_are_listed_and_found(use: Use, tmp_path: Path) -> None:
    path = write(tmp_path, "defconfigs/mine-range", "# What it is for\n")
    use(tmp_path)
    assert defconfigs.named("mine-range") == path and path in defconfigs.ranges()
    assert "mine-range" in defconfigs.listing() and "What it is for" in defconfigs.listing()
    assert defconfigs.near_range("mines-range") == "mine-range"


def test_a_component_is_two_files_with_a_name(use: Use, tmp_path: Path) -> None:
    path = write(tmp_path / "a", "models/one.Kconfig")
    with pytest.raises(UserError, match=f"{path}: has no one.py beside it"):
        use(tmp_path / "a")
    path = write(tmp_path / "b", "models/my-net.Kconfig")
    with pytest.raises(UserError, match=f"{path}: must be named by small letters"):
        use(tmp_path / "b")


def test_a_symbol_that_stands_twice_names_both_lines(use: Use, tmp_path: Path) -> None:
    write(tmp_path, "Kconfig", '\nconfig MLP_WIDTH\n\tint "Width"\n')
    use(tmp_path)
    with pytest.raises(UserError) as caught:
        tree.parse()
    assert str(caught.value).startswith(f"{tmp_path}/Kconfig:2: MLP_WIDTH stands in models/mlp.")


def test_code_of_a_tree_is_code_wherever_it_lies(use: Use, tmp_path: Path) -> None:
    use()
    plain = revision.sources()
    model(tmp_path / "a", "one")
    use(tmp_path / "a")
    first, (record,) = revision.code(), revision.trees() or [{}]
    assert first.sources != plain and first.trees == [record]
    assert record["path"] == str(tmp_path / "a") and len(record["sources"]) == 16
    assert f", tree {tmp_path}/a [code {record['sources'][:12]}]" in revision.describe(first)
    write(tmp_path / "a", "tests/test_one.py", "x = 2\n")
    write(tmp_path / "a", "models/notes.txt", "x")
    (tmp_path / "a").rename(tmp_path / "moved")
    use(tmp_path / "moved")
    assert not revision.code().differs(first)
    write(tmp_path / "moved", "methods/analysis/tests/one.py", "x = 2\n")
    use(tmp_path / "moved")
    assert revision.code().differs(first)
    assert Provenance.from_json({"code": first.as_json()}).code == first


def test_the_option_stands_anywhere_and_goes_before_the_variable(
    use: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    use(tmp_path / "b")
    assert take_external(["lint"]) == ["lint"] and own_trees.external() == (tmp_path / "b",)
    first = f"{tmp_path}/a"
    assert take_external(["--external", first, "lint", "-h"]) == ["lint", "-h"]
    assert own_trees.external() == (tmp_path / "a",)
    assert take_external(["lint", f"--external={first}", "--external", f"{tmp_path}/b"]) == ["lint"]
    assert own_trees.external() == (tmp_path / "a", tmp_path / "b")
    assert take_external(["lint", "EXTERNAL="]) == ["lint"] and own_trees.external() == ()
    for words in (["lint", "--external"], ["--external=", "lint"], ["--external", "--new"]):
        with pytest.raises(UserError, match="^--external.*: must be folders with colons between$"):
            take_external(words)


def test_modules_of_a_tree_are_imported_as_ours_without_torch(tmp_path: Path) -> None:
    write(tmp_path, "datasets/shapes.py", "SIDE = 3\n")
    write(tmp_path, "datasets/squares_size.py", "from espalier.datasets.shapes import SIDE\n")
    write(tmp_path, "methods/own/late_schedule.py", "LATE = 1\n")
    code = (
        "import sys; from espalier.datasets.squares_size import SIDE; assert SIDE == 3\n"
        "from espalier.methods.own.late_schedule import LATE\n"
        "from espalier.core.trees import own_trees\n"
        "assert 'espalier.methods.own.late_schedule' in own_trees.modules('*_schedule.py')\n"
        "assert 'torch' not in sys.modules"
    )
    env = {**os.environ, "EXTERNAL": str(tmp_path)}
    assert subprocess.run([sys.executable, "-P", "-c", code], env=env).returncode == 0
