from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from trial_results import ended
from two_arms import of_origin, two_arms

from espalier.analysis.comparing.sweep_pairs import PairedSweeps, pair_sweeps
from espalier.analysis.rank import TrialResult, rank
from espalier.core.measures import VAL_ACC
from espalier.core.records import PlanHeader
from espalier.core.trial import Status
from espalier.report.comparing.opened_sweeps import OpenedSweep
from espalier.report.comparing.sweep_comparison import LISTED, comparison_json, render_comparison


def sweep(name: str, results: Sequence[TrialResult], **settings: str) -> OpenedSweep:
    return OpenedSweep(Path(name), PlanHeader(settings=settings), tuple(results), "val_acc")


def compared(first: OpenedSweep, second: OpenedSweep) -> PairedSweeps:
    sides = [r.configurations for r in (rank(each.results) for each in (first, second))]
    return pair_sweeps(sides[0], sides[1], VAL_ACC, 0.05)


def different() -> list[OpenedSweep]:
    own = [*two_arms(LR="0.1", OLD="y"), *two_arms(start=9, LR="0.2", OLD="y")]
    other = [*two_arms((0.0, -0.5, -1.0, -0.75), LR="0.2"), *two_arms(start=9, LR="0.3")]
    other = [of_origin(item, device="b", taken_over={"sweep": "s"}) for item in other]
    own = [of_origin(item, device="a") for item in own]
    own[0] = ended(own[0].trial, Status.FAILED, "diverged")
    return [sweep("results/a", own, DEVICE="auto"), sweep("results/b", other, DEVICE="cuda")]


def test_text(golden: Callable[[str, str], None]) -> None:
    pairs = {
        "the same twice": [sweep("results/a", two_arms()), sweep("results/b", two_arms())],
        "different": different(),
        "nothing in common": [
            sweep("results/a", [*two_arms(LR="1"), *two_arms(start=9, LR="2")]),
            sweep("results/b", [*two_arms(LR="3"), *two_arms(start=9, LR="4")]),
        ],
        "one seed": [sweep("results/a", two_arms([0.5])), sweep("results/b", two_arms([0.25]))],
    }
    texts = [f"[{n}]\n{render_comparison(compared(*pair), pair)}" for n, pair in pairs.items()]
    golden("sweep_comparisons", "\n".join(texts))


def test_a_long_table_is_cut() -> None:
    results = [
        item for n in range(LISTED + 1) for item in two_arms([0.5], start=1 + 2 * n, LR=f"{n + 1}")
    ]
    both = [sweep("a", results), sweep("b", results)]
    text = render_comparison(compared(*both), both)
    assert f"... and {LISTED + 2} more configurations, with JSON=1" in text


def test_json() -> None:
    both = different()
    record = json.loads(comparison_json(compared(*both), both))
    assert (record["a"], record["b"], record["measure"]) == ("results/a", "results/b", "val_acc")
    assert record["settings"] == {
        "CONFIG_OLD": {"a": True, "b": None},
        "CONFIG_DEVICE": {"a": "auto", "b": "cuda"},
    }
    assert (record["pairs_of_trials"], record["identical"], record["taken_over"]) == (8, 4, 8)
    assert [item["what"] for item in record["not_alike"]] == ["device"]
    assert record["only_in_a"] == ["config_002", "config_005"]
    first, second = record["configurations"]
    assert (first["a"], first["b"], first["n"], first["difference"]) == (
        *("config_009", "config_001", 4, 1.0625),
    )
    assert first["values"] == {"CONFIG_METHOD": "state", "CONFIG_LR": 0.2, "CONFIG_OLD": True}
    assert (second["difference"], second["interval"]) == (0.0, [0.0, 0.0])
    assert record["over_all"]["difference"] == 1.0625 / 2
    assert not {"difference", "interval", "n", "p", "verdict"} - first.keys()
