"""A program runs once its user has allowed it, and must be allowed again when it has changed."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.scripts import allowed_scripts
from espalier.scripts.script_identity import HEX, ScriptIdentity

SCRIPT = ScriptIdentity(
    ("python a.py {X}",),
    (("X", "relu"),),
    (Path("/own/a.py"),),
    "a.py:12",
    beside=True,
    folder=Path("/own"),
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "espalier" / "allowed_scripts"


def refusal(script: ScriptIdentity, given: str = "") -> str:
    with pytest.raises(UserError) as caught:
        allowed_scripts.check(script, given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_refusal_says_what_would_run_and_what_to_type(home: Path) -> None:
    assert refusal(SCRIPT) == (
        "CONFIG_SCRIPT=python a.py {X} (/own/a.py, X=relu): must be allowed once, since a program "
        "can do all that you can; look at it, then give the same command again with "
        f"ALLOW={SCRIPT.hash[:HEX]}"
    )
    assert not home.exists()


@pytest.mark.parametrize("digits", [HEX, 20, 64])
def test_what_is_allowed_by_its_hash_stays_so(home: Path, digits: int) -> None:
    allowed_scripts.check(SCRIPT, SCRIPT.hash[:digits].upper())
    allowed_scripts.check(SCRIPT)
    assert home.read_text(encoding="utf-8") == f"{SCRIPT.hash}\n"
    assert stat.S_IMODE(home.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "changed",
    [
        replace(SCRIPT, commands=("python a.py",)),
        replace(SCRIPT, digest="a.py:13"),
        replace(SCRIPT, texts=()),
        replace(SCRIPT, folder=Path("/other")),
    ],
)
def test_any_change_asks_again(changed: ScriptIdentity) -> None:
    allowed_scripts.allow(SCRIPT)
    assert f"ALLOW={changed.hash[:HEX]}" in refusal(changed)


def test_one_does_not_forget_the_other(home: Path) -> None:
    other = replace(SCRIPT, digest="a.py:13")
    for script in (SCRIPT, other, SCRIPT):
        allowed_scripts.allow(script)
    assert home.read_text(encoding="utf-8").split() == [SCRIPT.hash, other.hash]


def test_what_another_sweep_allows_meanwhile_is_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed_scripts.allow(SCRIPT)
    first = home.read_text(encoding="utf-8").rstrip()
    home.write_text(first, encoding="utf-8")  # as somebody edits it
    monkeypatch.setattr(allowed_scripts, "_lines", list)  # read before the other was written
    other = replace(SCRIPT, digest="a.py:13")
    allowed_scripts.allow(other)
    assert home.read_text(encoding="utf-8").split("\n") == [SCRIPT.hash, other.hash, ""]


def test_a_wrong_or_a_short_hash_allows_nothing(home: Path) -> None:
    assert refusal(SCRIPT, "0" * 12).startswith("ALLOW=000000000000: is not the hash of CONFIG_")
    short = SCRIPT.hash[: HEX - 1]
    assert refusal(SCRIPT, short).startswith(f"ALLOW={short}: must be {HEX} hex digits or more")
    assert not home.exists()


def test_a_command_without_a_file_is_given_and_not_allowed_by_a_hash() -> None:
    bare = ScriptIdentity(("sh -c 'echo 1'",), (), (), "", beside=False, folder=Path("/own"))
    assert refusal(bare).endswith("""again with SCRIPT='sh -c '"'"'echo 1'"'"''""")
    assert "give the command: SCRIPT=" in refusal(bare, bare.hash)
    allowed_scripts.allow(bare)
    allowed_scripts.check(bare)


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="it keeps what is allowed"):
        allowed_scripts.allow(SCRIPT)
