from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest
from trial_results import ended, passed, sweep, trial

from espalier.analysis.rank import TrialResult, rank
from espalier.core.trial import Status, Trial
from espalier.report.ranking_rows import ranking_table
from espalier.report.sweep_analysis import counts, method, render_analysis, seeds_to_plan

GUIDE = """\
Hyperparameter Sweep Analysis
============================================================

Total configurations tested: 36
BEST CONFIGURATION:
----------------------------------------
Config file: config_017
Test Accuracy: 88.51%
Final Sparsity: 70.0%
Training Time: 1842.3s
Hyperparameters:
  CONFIG_ADAMWPRUNE_WEIGHT_DECAY=0.05
  CONFIG_ADAMWPRUNE_BETA1=0.87
  CONFIG_PRUNING_WARMUP=7800
  CONFIG_PRUNING_RAMP_END_EPOCH=70
  CONFIG_TARGET_SPARSITY=0.7
============================================================
TOP 10 CONFIGURATIONS:
----------------------------------------

1. config_017
   Test Acc: 88.51% | Sparsity: 70.0% | Time: 1842.3s
2. config_023
   Test Acc: 88.43% | Sparsity: 70.0% | Time: 1838.7s
""".splitlines()


def log(item: Trial) -> str:
    return f"results/{item.name}_mlp/output.log"


def page(results: Sequence[TrialResult], by: str = "val_acc", refused: int = 0) -> str:
    text = render_analysis(results, rank(results, by), log, refused)
    assert text.isascii() and text.endswith("\n")
    return text


def report(results: Sequence[TrialResult]) -> list[str]:
    return page(results).splitlines()


def guide_sweep() -> list[TrialResult]:
    """The guide's 36 configurations; 17 and 23 score as in its example."""
    axes = itertools.product(
        ["0.03", "0.05", "0.07"], ["0.85", "0.87", "0.89"], ["7800", "11700"], ["70", "80"]
    )
    names = ("WEIGHT_DECAY", "BETA1")
    made = []
    for number, (decay, beta, warmup, end) in enumerate(axes, 1):
        swept = dict(zip((f"ADAMWPRUNE_{name}" for name in names), (decay, beta), strict=True))
        swept |= {"PRUNING_WARMUP": warmup, "PRUNING_RAMP_END_EPOCH": end}
        scores = {17: (89.0, 88.51, 1842.3), 23: (88.9, 88.43, 1838.7)}
        val, test, seconds = scores.get(number, (80.0, 79.0, 1800.0))
        item = trial(number, 1, **swept)
        item = Trial(item.number, item.name, item.id, item.config, swept)
        made.append(passed(item, val, test, total_time=seconds))
    return made


def of_texts() -> list[TrialResult]:
    """Losses beside the floors of a text; half-width 12.7062 * 0.1 over two seeds."""
    floors = {"floor_unigram": 3.1797, "floor_bigram": 2.3469}
    losses = {1: 2.0, 2: 2.2}
    text = [passed(trial(1, s, LR="1"), 50.0, val_loss=losses[s], **floors) for s in (1, 2)]
    return [*text, passed(trial(3, 1, LR="2"), 40.0, val_loss=3.0)]


def by_loss() -> list[TrialResult]:
    return [
        passed(trial(2 * n + seed, seed, LR=str(n)), 50.0, val_loss=loss)
        for n, losses in enumerate(((0.5, 0.7), (0.25, 0.45)))
        for seed, loss in enumerate(losses, 1)
    ]


def incomplete() -> list[TrialResult]:
    lost = ended(trial(4, 2, ADAMWPRUNE_BETA1="0.87"), Status.ERROR, "crash", "segfault")
    return [*sweep({"0.85": [90.0, 91.0], "0.87": [99.0]}), lost]


def failures() -> list[TrialResult]:
    return [
        passed(trial(1, 1, LR="1"), 90.0),
        ended(trial(2, 1, LR="2"), Status.ERROR, "oom", "step 3:\nCUDA out of memory"),
        ended(trial(3, 1, LR="3"), Status.FAILED, "diverged", "loss is nan at step 12"),
        ended(trial(4, 1, LR="4"), Status.ERROR, "oom", ""),
    ]


def short(number: int, val_acc: float, reached: float, **swept: str) -> TrialResult:
    """A trial told to prune 98 % that reached `reached`."""
    more = {"final_sparsity": reached, "target_sparsity": 0.98}
    return passed(trial(number, 1, TARGET_SPARSITY="0.98", **swept), val_acc, **more)


def incomplete_above_short() -> list[TrialResult]:
    lost = ended(trial(3, 2, TARGET_SPARSITY="0.98", END="15"), Status.FAILED, "diverged")
    return [short(1, 99.0, 0.118, END="400"), short(2, 60.0, 0.98, END="15"), lost]


def some_seeds_short() -> list[TrialResult]:
    other = passed(trial(2, 2, TARGET_SPARSITY="0.98"), 99.0, final_sparsity=0.98)
    return [short(1, 99.0, 0.118), other]


def targets() -> list[TrialResult]:
    return [
        passed(trial(1, 1, TARGET_SPARSITY="0.9"), 80.0, 79.0, final_sparsity=0.9),
        passed(trial(2, 1, TARGET_SPARSITY="0.9", LR="2"), 85.0, 84.0, final_sparsity=0.9),
        passed(trial(3, 1, TARGET_SPARSITY="0.9995"), 9.0, 8.0, final_sparsity=0.1),
        passed(trial(4, 1, TARGET_SPARSITY="0"), 95.0, 94.0, final_sparsity=0.0),
    ]


def unpruned_control() -> list[TrialResult]:
    """A control that has no target sparsity at all."""
    control = trial(2, 1)
    config = {name: text for name, text in control.config.items() if name != "TARGET_SPARSITY"}
    control = Trial(2, control.name, control.id, {**config, "PRUNING_METHOD": "none"}, {})
    return [passed(trial(1, 1), 90.0), passed(control, 95.0, final_sparsity=0.0)]


def splits() -> list[TrialResult]:
    return [passed(trial(n, 1, SPLIT_SEED=str(n)), 90.0 + n) for n in (1, 2)]


def samples() -> list[TrialResult]:
    shares = enumerate(("0.1", "0.2"), 1)
    return [passed(trial(n, 1, VALIDATION_FRACTION=text), 90.0 + n) for n, text in shares]


PAGES: dict[str, Callable[[], str]] = {
    "guide": lambda: page(guide_sweep()),
    # 4.3027 * 2 / sqrt(3) = 4.968
    "seeds": lambda: page(sweep({"0.85": [90.0, 92.0, 94.0], "0.87": [80.0, 81.0, 82.0]})),
    "one_seed": lambda: page(sweep({"0.85": [90.0]}), refused=4),
    "texts": lambda: page(of_texts()),
    "loss": lambda: page(by_loss(), "val_loss"),
    "no_such_measure": lambda: page(sweep({"a": [90.0], "b": [91.0]}), "mean_val_loss"),
    "test_loss": lambda: page([passed(trial(1, 1), 90.0, test_loss=0.5)], "test_loss"),
    "test_accuracy": lambda: page(sweep({"0.85": [90.0]}), "test_acc"),
    "within_chance": lambda: page(
        sweep({"a": [90.0, 91.0, 92.0], "b": [91.0, 90.5, 91.0], "c": [50.0, 51.1, 52.0]})
    ),
    "equal": lambda: page(sweep({"a": [90.0, 92.0], "b": [92.0, 90.0], "c": [91.0, 90.9]})),
    "incomplete": lambda: page(incomplete()),
    "only_incomplete": lambda: page([passed(trial(1, 1), 90.0), ended(trial(2, 2), Status.NOTRUN)]),
    "failures": lambda: page(failures()),
    "all_failed": lambda: page([ended(trial(1, 1), Status.ERROR, "crash", "x")]),
    "not_run": lambda: page([ended(trial(n, n), Status.NOTRUN) for n in (1, 2)]),
    "absent": lambda: page(
        [passed(trial(1, 1), 90.0, float("nan"), final_sparsity=None, total_time=None)]
    ),
    "missed_target": lambda: page([short(1, 99.0, 0.118, END="400"), short(2, 60.0, 0.98)]),
    "only_short": lambda: page([short(1, 99.0, 0.118), short(2, 60.0, 0.5, END="15")]),
    "incomplete_above_short": lambda: page(incomplete_above_short()),
    "some_seeds_short": lambda: page(some_seeds_short()),
    "targets": lambda: page(targets()),
    "unpruned_control": lambda: page(unpruned_control()),
    "splits": lambda: page(splits()),
    "samples": lambda: page(samples()),
}


@pytest.mark.parametrize("name", PAGES)
def test_page(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"analysis_{name}", PAGES[name]())


def test_lines_of_the_guide_stand_in_its_order() -> None:
    lines = iter(report(guide_sweep()))
    missing = [line for line in GUIDE if line not in lines]  # `in` moves the iterator on
    assert missing == []


def test_top_lists_ten() -> None:
    lines = report(guide_sweep())
    assert sum(line.startswith("   Test Acc: ") for line in lines) == 10
    assert "10. config_008" in lines and not any(line.startswith("11. ") for line in lines)


def test_operations_stand_in_the_ranking_where_a_configuration_counts_them() -> None:
    plain, counted = (
        passed(trial(1, 1, WIDTH="8"), 90.0),
        passed(trial(2, 1, WIDTH="9"), 91.0, flops_total=1_234_567_890),
    )
    assert not any("FLOPs" in line for line in report([plain]))
    lines = [line for line in report([plain, counted]) if "FLOPs" in line]
    assert [line.rpartition(" | ")[2] for line in lines] == ["FLOPs: 1.23e+09", "FLOPs: n/a"]
    table = ranking_table(rank([plain, counted], "val_acc"), 10)
    assert [row[table[0].index("FLOPs")] for row in table[1:]] == ["1.23e+09", "n/a"]
    assert "FLOPs" not in ranking_table(rank([plain], "val_acc"), 10)[0]


def test_long_lists_are_cut_with_a_count() -> None:
    results = [ended(trial(n, n), Status.ERROR, "crash", f"x{n}") for n in range(1, 61)]
    lines = report(results)
    assert sum(line.startswith("   Log: ") for line in lines) == 50
    assert "... and 10 more, in sweep_summary.json" in lines


def test_the_same_failure_is_one_line_with_its_trials() -> None:
    long = "the warmup of 1000 steps is longer than the run " * 5
    same = [ended(trial(n, n), Status.FAILED, "schedule", f"a\n{long}") for n in range(1, 37)]
    other = ended(trial(37, 1), Status.FAILED, "schedule", "another")
    lines = report([*same, other])
    assert sum(long.strip() in line for line in lines) == 1
    start = lines.index(f"36 x failed (schedule): {long.strip()}")
    assert lines[start + 1 : start + 5] == [
        "   config_001 (seed 1), config_002 (seed 2), config_003 (seed 3) and 33 more",
        "   Log: results/config_001_mlp/output.log",
        "config_037 (seed 1): failed (schedule), 1 attempt: another",
        "   Log: results/config_037_mlp/output.log",
    ]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), None, "high"])
def test_what_passed_without_a_number_did_pass(number: object) -> None:
    results = [*sweep({"a": [90.0, 91.0]}), passed(trial(3, 3, ADAMWPRUNE_BETA1="a"), number)]  # type: ignore[arg-type]
    text = page(results)
    assert "INCOMPLETE: 2 of 3 seeds (1 passed without a finite validation accuracy)" in text
    assert "did not pass" not in text
    assert "PASSED WITHOUT A FINITE VALIDATION ACCURACY: 1 of 3 trials" in text
    assert "\nconfig_003 (seed 3): val_acc is not a number, or was not reported" in text
    assert "FAILED TESTS: 0 of 3" in text


@pytest.mark.parametrize(
    ("reached", "shown"),
    [(0.70, None), (0.6995, None), (0.7005, None), (0.69, "69.0%"), (0.8, "80.0%")],
)
def test_missed_sparsity_is_reported(reached: float, shown: str | None) -> None:
    lines = report([passed(trial(1, 1), 90.0, final_sparsity=reached)])
    assert (f"config_001: {shown} of 70.0%" in lines) is (shown is not None)
    assert ("SPARSITY TARGETS NOT MET: 1 of 1 trials" in lines) is (shown is not None)


def test_in_a_race_the_table_guarantees_nothing() -> None:
    results = sweep({"a": [90.0, 91.0, 92.0], "b": [91.0, 90.5, 91.0]})
    plain, raced = (method(rank(results, raced=given))[1] for given in (False, True))
    assert plain.startswith("Behind the best: one that is truly best is called so in at most 5%")
    assert raced.startswith("Behind the best: a remark alone, since a race gave out the seeds")


def test_counts_of_an_empty_plan() -> None:
    assert counts([]) == ["Trials: 0 planned: none"]


def test_one_target_sparsity_needs_no_list_of_them() -> None:
    assert "BEST PER TARGET SPARSITY:" not in report(sweep({"0.85": [90.0], "0.87": [91.0]}))


def noisy(seeds: int, difference: float) -> dict[str, list[float]]:
    """Two configurations; differences of their pairs are `difference` with deviation about 1."""
    wave = [(-1.0) ** seed for seed in range(seeds)]
    return {
        "0.85": [90.0 + difference + up for up in wave],
        "0.87": [90.0] * seeds,
    }


@pytest.mark.parametrize(
    ("scores", "advised"),
    [
        (noisy(4, 0.5), 44),  # (1.960 + 0.842)^2 (1.155 / 0.5)^2 = 41.9, and 2 for Student's t
        (noisy(4, 5.0), None),  # told apart
        (noisy(4, 0.0), 10),  # the same score: a few more show whether it stays so
        (noisy(20, 0.4), 54),  # 7.85 (1.026 / 0.4)^2 = 51.6, and 2
        (noisy(20, 0.0), None),  # twenty did not show it
        (noisy(20, 0.01), None),  # over 100
    ],
)
def test_more_seeds_are_advised_than_there_are_or_none(
    scores: dict[str, list[float]], advised: int | None
) -> None:
    assert seeds_to_plan(rank(sweep(scores))) == advised


def test_seeds_that_did_not_pass_are_not_made_up_for_by_more() -> None:
    """Of 40 planned 4 have passed, which is what lacks: 40 would show the difference."""
    results = sweep(noisy(4, 0.7))
    lost = [trial(9 + n, 5 + n, ADAMWPRUNE_BETA1="0.85") for n in range(36)]
    every = [*results, *(ended(item, Status.FAILED, "diverged") for item in lost)]
    assert seeds_to_plan(rank(results)) == 24 and seeds_to_plan(rank(every)) is None
    assert "CONFIG_SEED=1:1:24." in page(results) and "CONFIG_SEED=1:1" not in page(every)
