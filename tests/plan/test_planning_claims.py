from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.kconfig.symbols import Symbols
from espalier.plan import plan, planning
from espalier.plan.plan import Plan

FIXED = "CONFIG_DATASET=digits\nCONFIG_OPTIMIZER=adamw\nCONFIG_SEED=1|2|3\n"
AXES = "CONFIG_PRUNING_METHOD=none|magnitude\n"
TEXT = "PRUNING_METHOD=none better than PRUNING_METHOD=magnitude by 0.2 val_acc"


def planned(folder: Path, symbols: Symbols, *lines: str) -> Plan:
    path = folder / "range"
    path.write_text(FIXED + AXES + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return planning.plan_from_files([path], symbols=symbols)


@pytest.mark.parametrize("line", [f'CONFIG_CLAIM="{TEXT}"', f"CONFIG_CLAIM={TEXT}  # why"])
def test_a_claim_is_in_the_plan_with_its_line_and_in_no_trial(
    tmp_path: Path, real: Symbols, line: str
) -> None:
    without, made = planned(tmp_path, real), planned(tmp_path, real, line)
    assert [(t.number, t.id, t.config) for t in made.trials] == [
        (t.number, t.id, t.config) for t in without.trials
    ]
    assert (made.plan_id, without.claims) == (without.plan_id, None)
    assert made.claims is not None
    assert made.claims.claims == [TEXT]
    assert made.claims.place == f"{tmp_path / 'range'}:5"
    assert (made.claims.alpha, made.claims.max_seeds) == ("0.05", 3)


def test_alpha_and_the_number_of_seeds_are_the_files_own(tmp_path: Path, real: Symbols) -> None:
    more = ("CONFIG_CLAIM_ALPHA=.010", "CONFIG_CLAIM_MAX_SEEDS=7")
    made = planned(tmp_path, real, f'CONFIG_CLAIM="{TEXT}; {TEXT} where SEED=1"', *more)
    assert made.claims is not None
    assert (made.claims.alpha, made.claims.max_seeds) == ("0.01", 7)
    assert made.claims.claims == [TEXT, f"{TEXT} where SEED=1"]


def test_the_plan_on_disk_has_the_claims(tmp_path: Path, real: Symbols) -> None:
    made = planned(tmp_path, real, f'CONFIG_CLAIM="{TEXT}"')
    plan.write_plan(made, tmp_path / "plan", real)
    assert plan.read_plan(tmp_path / "plan").header().claims == made.claims


def test_a_plan_whose_claims_were_edited_is_damaged(tmp_path: Path, real: Symbols) -> None:
    plan.write_plan(planned(tmp_path, real, f'CONFIG_CLAIM="{TEXT}"'), tmp_path / "plan", real)
    file = tmp_path / "plan" / "plan.jsonl"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("by 0.2 val_acc", "by 0.1 val_acc"), encoding="utf-8")
    with pytest.raises(UserError, match="make it again"):
        plan.read_plan(tmp_path / "plan")


def test_claims_of_a_folder_of_configs(tmp_path: Path, real: Symbols) -> None:
    made = planned(tmp_path, real, f'CONFIG_CLAIM="{TEXT}"')
    plan.write_plan(made, tmp_path / "plan", real)
    (tmp_path / "plan" / "plan.jsonl").unlink()
    (tmp_path / "plan" / "combinations_summary.txt").unlink()
    assert made.claims is not None
    read = planning.plan_from_directory(tmp_path / "plan", real).claims
    assert read == replace(made.claims, place="")


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (f'CONFIG_CLAIM="{TEXT}"|"other"', "is not part of a trial's identity and cannot be swept"),
        ("CONFIG_CLAIM_ALPHA=0.1", "needs CONFIG_CLAIM"),
        (f'CONFIG_CLAIM="{TEXT}"\nCONFIG_CLAIM_ALPHA=0.5', r"must be in \(0, 0.5\)"),
    ],
)
def test_a_claim_cannot_be_swept_nor_have_terms_without_it(
    tmp_path: Path, real: Symbols, line: str, rule: str
) -> None:
    with pytest.raises(UserError, match=rule):
        planned(tmp_path, real, line)
