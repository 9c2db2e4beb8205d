"""docs/comparing.md: its exit codes, its variables and the keys of its JSON."""

from __future__ import annotations

import json
import re

from two_arms import ask_two, two_arms

from espalier.commands.sweeps import verdict
from espalier.core.paths import ROOT
from espalier.report.comparing.verdict_report import render_verdict, verdict_json

PAGE = (ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")


def first_cells() -> list[str]:
    return re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)


def test_every_key_of_the_json_is_on_the_page_and_no_other() -> None:
    keys = json.loads(verdict_json(ask_two(two_arms()), ["a"]))
    named = {name for cell in first_cells() for name in re.findall(r"`([a-z_]+)`", cell)}
    assert named - {str(answer) for answer in verdict.CODES} == set(keys)


def test_the_exit_codes() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d) \|", PAGE, re.MULTILINE)
    assert {name: int(code) for name, code in rows} == {str(a): c for a, c in verdict.CODES.items()}


def test_every_option_is_on_the_page() -> None:
    options = {parameter.opts[0] for parameter in verdict.command.params}
    assert options == set(re.findall(r"`(--[a-z]+)`", PAGE))


def test_the_text_shown_is_what_is_printed() -> None:
    def masked(text: str) -> list[str]:
        return [re.sub(r"[+-]?\d+(\.\d+)?", "#", line) for line in text.splitlines()]

    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    printed = masked(render_verdict(ask_two(two_arms()), ["test_matrix_results/sweep_1"]))
    left = [line for line in masked(shown) if line not in printed]
    assert [line.split(":")[0].split()[0] for line in left] == ["A", "B", "In", "Each", "UNEQUAL"]
