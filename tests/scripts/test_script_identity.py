"""What a sweep starts is known by its commands, what texts are in them, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.scripts import script_identity
from espalier.scripts.script_identity import LARGEST, ScriptIdentity, identify

COMMAND = "python train.py --lr {LR} --act {ACT}"


def config(**values: str) -> dict[str, str]:
    return {"SCRIPT": COMMAND, "LR": "0.1", "ACT": "relu", **values}


def settings(folder: Path) -> dict[str, str]:
    return {"TRAINER": "script", "SCRIPT_FOLDER": str(folder)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text("print(1)\n", encoding="utf-8")
    return tmp_path


def of(folder: Path, *configs: Mapping[str, str]) -> ScriptIdentity:
    return identify(configs or [config()], settings(folder))


def test_it_has_the_command_the_texts_and_the_files(folder: Path) -> None:
    script = of(folder)
    assert script.commands == (COMMAND,) and script.texts == (("ACT", "relu"),)
    assert script.files == (folder / "train.py",) and script.beside
    # sha256 of "print(1)\n"
    assert script.digest == "train.py:" + script_identity.kept_sha256(folder / "train.py")[:16]


@pytest.mark.parametrize("values", [{"LR": "0.2"}, {"LR": "1e-3"}, {"SEED": "7"}, {"LR": "y"}])
def test_numbers_switches_and_what_is_not_in_it_do_not_change_it(
    folder: Path, values: dict[str, str]
) -> None:
    assert of(folder, config(), config(**values)).hash == of(folder).hash


@pytest.mark.parametrize("values", [{"ACT": "tanh"}, {"SCRIPT": "python train.py --act {ACT}"}])
def test_texts_and_commands_do(folder: Path, values: dict[str, str]) -> None:
    assert of(folder, config(), config(**values)).hash != of(folder).hash


def test_so_do_its_files(folder: Path) -> None:
    before = of(folder)
    (folder / "train.py").write_text("print(2)\n", encoding="utf-8")
    assert of(folder).hash != before.hash


def test_so_does_what_a_folder_in_the_command_runs(folder: Path) -> None:
    main = folder / "package" / "__main__.py"
    main.parent.mkdir()
    main.write_text("print(1)\n", encoding="utf-8")
    command = config(SCRIPT="python {SCRIPT_FOLDER}/package")
    before = of(folder, command)
    assert before.files == (main,) and before.beside
    main.write_text("print(2)\n", encoding="utf-8")
    assert of(folder, command).hash != before.hash


def test_so_does_their_folder_since_other_files_may_lie_beside_them(
    folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "train.py").write_bytes((folder / "train.py").read_bytes())
    assert of(other).digest == of(folder).digest and of(other).hash != of(folder).hash


def test_a_file_elsewhere_counts_if_it_may_be_code(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere.py"
    other.write_text("", encoding="utf-8")
    big = tmp_path / "data"
    with big.open("wb") as file:
        file.truncate(LARGEST + 1)
    inner = tmp_path / "inner"
    inner.mkdir()
    script = of(inner, config(SCRIPT=f"{other} {other} {big}"))
    assert script.files == (other,) and not script.beside
    assert script.digest.startswith("elsewhere.py:")
    assert of(inner, config(SCRIPT=f"{other} x")).files == ()  # a program of the machine


def test_a_trial_tells_whether_its_files_are_as_planned(folder: Path) -> None:
    planned = {**settings(folder), "SCRIPT_DIGEST": of(folder).digest}
    script_identity.check_unchanged(config(), planned)
    (folder / "train.py").write_text("print(12)\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"train\.py: is not as it was when the sweep was planned"):
        script_identity.check_unchanged(config(), planned)


def test_a_name_with_blanks_and_quotes_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "my 'own' x:1.py").write_text("", encoding="utf-8")
    trial = config(SCRIPT="python \"my 'own' x:1.py\"")
    planned = {**settings(tmp_path), "SCRIPT_DIGEST": of(tmp_path, trial).digest}
    script_identity.check_unchanged(trial, planned)


def test_a_damaged_plan_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no command"):
        identify([{}], {})


def test_code_is_the_librarys_and_the_scripts(folder: Path) -> None:
    plain = script_identity.code_of({})
    assert plain.script is None
    first, other = (
        script_identity.code_of({**settings(folder), "SCRIPT_DIGEST": text}) for text in "ab"
    )
    assert first.differs(other) and not first.differs(first) and first.differs(plain)
