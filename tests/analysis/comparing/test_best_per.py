from __future__ import annotations

import pytest
from method_grid import method_grid
from trial_results import passed, sweep, trial

from espalier.analysis.comparing.best_per import BestPer, best_by, best_per, parse_best_per
from espalier.analysis.confidence import Verdict
from espalier.analysis.rank import rank
from espalier.core.errors import UserError


def rows(table: BestPer) -> dict[str, dict[str, str]]:
    return {
        there.level: {text: item.first.name for text, item in there.best.items()}
        for there in table.groups
    }


def test_the_best_of_each_value_at_each_of_another() -> None:
    table = best_per(rank(method_grid()), "PRUNING_METHOD,CONFIG_TARGET_SPARSITY")
    assert rows(table) == {
        "0.9": {"state": "config_007", "magnitude": "config_001", "movement": "config_013"},
        "0.95": {"magnitude": "config_004", "state": "config_010", "movement": "config_016"},
    }
    first, second = table.groups
    assert first.best["magnitude"].lead is not None
    assert first.best["magnitude"].lead.mean == pytest.approx(1.0)  # by how much state is better
    # t is 13.9 and 5: of three, behind takes 4.3 or more
    assert [item.verdict for item in first.best.values()] == [
        Verdict.TIED,
        Verdict.BEHIND,
        Verdict.BEHIND,
    ]
    assert second.best["state"].verdict is Verdict.BEHIND
    assert first.counts == {"state": 1, "magnitude": 1, "movement": 1}


def test_the_best_of_each_value_of_all() -> None:
    table = best_per(rank(method_grid()), "TARGET_SPARSITY")
    assert rows(table) == {"": {"0.9": "config_007", "0.95": "config_004"}}
    assert table.groups[0].counts == {"0.9": 3, "0.95": 3}


def test_what_is_behind_is_so_by_all_that_are_there_not_by_those_that_were_picked() -> None:
    # b is behind a alone (t = 8.7 of two: 6.3), and not in a table of 42 (n = 3: 28.6)
    pair = {"a": [80.0, 90.0, 70.0], "b": [79.0, 88.8, 69.2]}
    many = {f"c{n}": [60.0 + 7 * n % 9, 70.0 - n, 50.0 + 3 * n % 8] for n in range(40)}
    few = best_per(rank(sweep(pair)), "ADAMWPRUNE_BETA1").groups[0]
    assert few.best["b"].verdict is Verdict.BEHIND
    all_of_them = best_per(rank(sweep({**pair, **many})), "ADAMWPRUNE_BETA1").groups[0]
    assert all_of_them.best["b"].verdict is Verdict.TIED


def test_a_symbol_that_some_do_not_have() -> None:
    plain = trial(19, 1, PRUNING_METHOD="none")
    config = {name: text for name, text in plain.config.items() if name != "TARGET_SPARSITY"}
    plain = type(plain)(19, plain.name, plain.id, config, plain.swept)
    table = best_per(rank([*method_grid(), passed(plain, 99.0)]), "PRUNING_METHOD,TARGET_SPARSITY")
    assert rows(table)[""] == {"none": "config_019"}


def test_the_first_of_each_key() -> None:
    ranked = rank(sweep({"a": [1.0], "b": [3.0], "c": [2.0]})).ranked
    best = best_by(ranked, lambda item: item.first.number > 1)
    assert {key: item.first.name for key, item in best.items()} == {
        True: "config_002",
        False: "config_001",
    }


@pytest.mark.parametrize("text", ["", "A,", "A,B,C", "A,A", ","])
def test_a_text_that_names_no_symbols(text: str) -> None:
    with pytest.raises(UserError, match=f"^BEST_PER={text}: must be one swept symbol or two"):
        parse_best_per(text)


def test_a_symbol_that_is_not_swept() -> None:
    with pytest.raises(UserError) as error:
        best_per(rank(method_grid()), "PRUNING_METHOD,LUCK")
    swept = "PRUNING_METHOD, TARGET_SPARSITY, DECAY"
    assert str(error.value) == (
        f"BEST_PER=PRUNING_METHOD,LUCK: LUCK is not swept; swept are {swept}"
    )
