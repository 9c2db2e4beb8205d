"""What is counted of races: errors where arms are alike, and what the others came to."""

from __future__ import annotations

import race


def outcome(**means: tuple[str, float | None]) -> race.Outcome:
    return {
        "configurations": [
            {"swept": {"CONFIG_ARM": name}, "status": status, "mean": mean}
            for name, (status, mean) in means.items()
        ]
    }


def test_errors_are_counted_by_race() -> None:
    level, wrong = ["undecided"] * 3, ["behind", "undecided", "undecided"]
    results = [level] * 17 + [wrong] * 2 + [["behind", "best", "behind"]]
    figures = {figure.what: figure for figure in race.null_figures(results)}
    assert figures["the first arm called behind"].value == 15
    assert figures["an arm called behind, mean over arms"].value == 100 * 4 / 60
    assert figures["a single arm called best"].value == 5
    assert figures["a single arm called best"].met and figures["races of equal arms"].value == 20
    assert not figures["the first arm called behind"].met
    assert race.null_texts(results) == {
        "interval: the first arm called behind": "3 of 20 races (3.2 to 37.9 %)",
        "interval: a single arm called best": "1 of 20 races (0.1 to 24.9 %)",
    }


def test_those_ahead_are_told_the_best_first() -> None:
    raced = outcome(
        a=("within", 90.0), b=("behind", 99.0), c=("within", 91.0), d=("undecided", None)
    )
    assert race.decided(raced) == "2 within, 1 behind, 1 undecided of 4"
    assert [race.values(each) for each in race.leading(raced, 2)] == ["ARM=c", "ARM=a"]
