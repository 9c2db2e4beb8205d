from __future__ import annotations

import re

import pytest

from espalier.__main__ import main
from espalier.commands import CONFIGURATORS, SAME, VERBS
from espalier.core.paths import ROOT

OF_A_CHECKOUT = {
    *("clean", "mrproper", "distclean", "check", "lint-imports", "lint-figures", "types", "test"),
    *("test-nightly", "bench", "bench-gpu", "docs-figures", "docs-pictures", "lock"),
    *("setup-trackers", "setup-ray", "setup-samplers", "setup-gpu"),
}
"""Targets of make that are about the checkout itself."""


def test_every_target_of_make_is_a_verb() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^## [ *] ([a-z][a-z-]*) +- ", text, re.MULTILINE))
    assert targets - OF_A_CHECKOUT <= {*VERBS, *CONFIGURATORS, *SAME}
    (made,) = re.findall(r"^CONFIGURATORS := ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert set(made.replace("\\\n", "").split()) == {*CONFIGURATORS, "config"}


def test_it_lists_verbs_and_targets_of_config(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    printed = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == printed
    listed = re.findall(r"^  ([a-z-]+)  ", printed, re.MULTILINE)
    assert {*VERBS, *CONFIGURATORS} <= set(listed)


def test_it_lists_the_options_of_a_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "sweep"]) == 0
    printed = capsys.readouterr().out
    assert main(["sweep", "--help"]) == 0
    assert capsys.readouterr().out == printed
    assert "--parallel" in printed
    assert main(["help", "sweeep"]) == 2
    assert "did you mean sweep" in capsys.readouterr().err
