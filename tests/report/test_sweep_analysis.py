from __future__ import annotations

import itertools

import pytest
from trial_results import ended, passed, sweep, trial

from espalier.core.trial import Status, Trial
from espalier.report.sweep_analysis import analysis, counts

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


def report(outcomes, by: str = "val_acc") -> list[str]:
    text = analysis(outcomes, by, log)
    assert text.isascii() and text.endswith("\n")
    return text.splitlines()


def guide_sweep():
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


def test_lines_of_the_guide_stand_in_its_order() -> None:
    lines = iter(report(guide_sweep()))
    missing = [line for line in GUIDE if line not in lines]  # `in` moves the iterator on
    assert missing == []


def test_top_lists_ten() -> None:
    lines = report(guide_sweep())
    assert sum(line.startswith("   Test Acc: ") for line in lines) == 10
    assert "10. config_008" in lines and not any(line.startswith("11. ") for line in lines)


def test_seeds_give_means_with_intervals_and_n() -> None:
    lines = report(sweep({"0.85": [90.0, 92.0, 94.0], "0.87": [80.0, 81.0, 82.0]}))
    assert "Total configurations tested: 2" in lines
    assert "Trials: 6 planned: 6 passed" in lines
    assert "Ranked by: validation accuracy, mean over seeds, with 95% t-intervals" in lines
    # 4.3027 * 2 / sqrt(3) = 4.968
    assert "Validation Accuracy: mean 92.00% +/- 4.97 (n=3)" in lines
    assert "Test Accuracy: mean 90.00% (n=3, no spread)" in lines
    assert "Seeds: 1 (config_001), 2 (config_002), 3 (config_003)" in lines
    assert "  CONFIG_ADAMWPRUNE_BETA1=0.85" in lines
    assert not any("CONFIG_SEED=" in line for line in lines)


def test_losses_of_texts_stand_beside_their_floors() -> None:
    floors = {"floor_unigram": 3.1797, "floor_bigram": 2.3469}
    losses = {1: 2.0, 2: 2.2}
    text = [passed(trial(1, s, LR="1"), 50.0, val_loss=losses[s], **floors) for s in (1, 2)]
    lines = report([*text, passed(trial(3, 1, LR="2"), 40.0, val_loss=3.0)])
    line = (
        "Validation Loss: 2.1000 nats +/- 1.2706 (n=2) a character; "
        "floors: unigram 3.1797, bigram 2.3469"
    )
    assert [found for found in lines if "Validation Loss" in found] == [line, f"   {line}"]


def test_a_ranking_by_loss_shows_it_in_nats_and_less_is_better() -> None:
    results = [
        passed(trial(2 * n + seed, seed, LR=str(n)), 50.0, val_loss=loss)
        for n, losses in enumerate(((0.5, 0.7), (0.25, 0.45)))
        for seed, loss in enumerate(losses, 1)
    ]
    lines = report(results, "val_loss")
    assert "Ranked by: validation loss, mean over seeds, with 95% t-intervals" in lines
    assert "Config file: config_003" in lines
    # 12.7062 * 0.1
    assert "Validation Loss: 0.3500 nats +/- 1.2706 (n=2)" in lines
    at = lines.index("2. config_001")
    assert lines[at + 3] == "   Validation Loss: 0.6000 nats +/- 1.2706 (n=2)"


def test_a_measure_that_no_trial_has_is_one_line() -> None:
    lines = report(sweep({"a": [90.0], "b": [91.0]}), "mean_val_loss")
    at = lines.index("BEST CONFIGURATION:")
    told = "None: RANK_BY=mean_val_loss: no trial that passed has a finite mean validation loss; "
    assert lines[at + 2] == told + "there is val_acc."


def test_ranking_by_a_loss_on_the_test_data_is_marked_too() -> None:
    results = [passed(trial(1, 1), 90.0, test_loss=0.5)]
    marked = [line for line in report(results, "test_loss") if line.startswith("Ranked by")]
    assert marked == [
        "Ranked by: test loss on request (optimistic: what was picked by its test loss"
    ]


def test_one_seed_says_that_it_has_no_interval() -> None:
    lines = report(sweep({"0.85": [90.0]}))
    assert "Validation Accuracy: mean 90.00% (n=1: no interval)" in lines
    assert any("CONFIG_SEED=1|2|3" in line for line in lines)


def test_test_accuracy_ranking_is_marked() -> None:
    lines = report(sweep({"0.85": [90.0]}), by="test_acc")
    assert any(
        line.startswith("Ranked by: test accuracy") and "optimistic" in line for line in lines
    )


def test_what_is_within_chance_is_said() -> None:
    lines = report(
        sweep({"a": [90.0, 91.0, 92.0], "b": [91.0, 90.5, 91.0], "c": [50.0, 51.1, 52.0]})
    )
    assert "Not distinguishable from it (those included): 1 of 2 others" in lines
    at = lines.index("2. config_004")
    assert lines[at + 3] == "   not distinguishable from the best (n=3)"
    at = lines.index("3. config_007")
    assert lines[at + 3] == ""


def test_equal_scores_are_said_to_be_equal() -> None:
    lines = report(sweep({"a": [90.0, 92.0], "b": [92.0, 90.0], "c": [91.0, 90.9]}))
    assert lines[lines.index("2. config_003") + 3] == "   same score as the best, later in the plan"
    assert "Same score, later in the plan: 1 of 2 others" in lines
    assert "- To tell close ones apart: more seeds, as in CONFIG_SEED=1:1:10." in lines


def test_incomplete_configuration_is_flagged_and_below() -> None:
    results = sweep({"0.85": [90.0, 91.0], "0.87": [99.0]})
    results.append(ended(trial(4, 2, ADAMWPRUNE_BETA1="0.87"), Status.ERROR, "crash", "segfault"))
    lines = report(results)
    at = lines.index("2. config_003")
    assert lines[at + 3] == "   INCOMPLETE: 1 of 2 seeds (1 did not pass)"


def test_best_of_only_incomplete_ones_says_so() -> None:
    results = [passed(trial(1, 1), 90.0), ended(trial(2, 2), Status.NOTRUN)]
    lines = report(results)
    assert "Config file: config_001" in lines
    expected = (
        "INCOMPLETE: 1 of 2 seeds (1 not run yet); no configuration passed on all of its seeds"
    )
    assert expected in lines
    assert "- 1 not run yet: the command that started this sweep goes on with it." in lines


def test_failures_are_listed_with_reason_attempts_and_log() -> None:
    results = [
        passed(trial(1, 1, LR="1"), 90.0),
        ended(trial(2, 1, LR="2"), Status.ERROR, "oom", "step 3:\nCUDA out of memory"),
        ended(trial(3, 1, LR="3"), Status.FAILED, "diverged", "loss is nan at step 12"),
        ended(trial(4, 1, LR="4"), Status.ERROR, "oom", ""),
    ]
    lines = report(results)
    at = lines.index("FAILED TESTS: 3 of 4")
    assert lines[at + 2 : at + 11] == [
        "2 x error, oom",
        "1 x failed, diverged",
        "",
        "config_002 (seed 1): error (oom), 2 attempts: CUDA out of memory",
        "   Log: results/config_002_mlp/output.log",
        "config_003 (seed 1): failed (diverged), 1 attempt: loss is nan at step 12",
        "   Log: results/config_003_mlp/output.log",
        "config_004 (seed 1): error (oom), 2 attempts: no message",
        "   Log: results/config_004_mlp/output.log",
    ]
    assert "Trials: 4 planned: 1 passed, 1 failed, 2 error" in lines


def test_no_failures() -> None:
    lines = report(sweep({"0.85": [90.0]}))
    assert lines[lines.index("FAILED TESTS: 0 of 1") + 2] == "None."


def test_long_lists_are_cut_with_a_count() -> None:
    results = [ended(trial(n, n), Status.ERROR, "crash", "x") for n in range(1, 61)]
    lines = report(results)
    assert sum(line.startswith("   Log: ") for line in lines) == 50
    assert "... and 10 more, in sweep_summary.json" in lines


def test_all_failed_has_no_best() -> None:
    lines = report([ended(trial(1, 1), Status.ERROR, "crash", "x")])
    at = lines.index("BEST CONFIGURATION:")
    assert lines[at + 2] == "None: no trial has passed, so there is nothing to rank."
    assert not any(line.startswith(("Config file:", "1. ")) for line in lines)


def test_nothing_run_yet() -> None:
    lines = report([ended(trial(1, 1), Status.NOTRUN), ended(trial(2, 2), Status.NOTRUN)])
    assert "Total configurations tested: 0" in lines and "Configurations planned: 1" in lines


def test_absent_measures_show_as_such() -> None:
    lines = report([passed(trial(1, 1), 90.0, float("nan"), final_sparsity=None, total_time=None)])
    assert "Test Accuracy: n/a" in lines
    assert "   Test Acc: n/a | Sparsity: n/a | Time: n/a" in lines


@pytest.mark.parametrize(
    ("reached", "shown"),
    [(0.70, None), (0.6995, None), (0.7005, None), (0.69, "69.0%"), (0.8, "80.0%")],
)
def test_missed_sparsity_is_reported(reached: float, shown: str | None) -> None:
    lines = report([passed(trial(1, 1), 90.0, final_sparsity=reached)])
    assert (f"config_001: {shown} of 70.0%" in lines) is (shown is not None)
    assert ("SPARSITY TARGETS NOT MET: 1 of 1 trials" in lines) is (shown is not None)


def test_counts_of_an_empty_plan() -> None:
    assert counts([]) == ["Trials: 0 planned: none"]


def test_combinations_that_kconfig_refused_are_counted() -> None:
    results = sweep({"0.85": [90.0]})
    lines = analysis(results, "val_acc", log, refused=4).splitlines()
    assert "Not planned: 4 combinations that Kconfig refused" in lines
    assert not any("refused" in line for line in report(results))


def short(number: int, val_acc: float, reached: float, **swept: str):
    """A trial told to prune 98 % that reached `reached`."""
    more = {"final_sparsity": reached, "target_sparsity": 0.98}
    return passed(trial(number, 1, TARGET_SPARSITY="0.98", **swept), val_acc, **more)


def test_missed_target_is_marked_at_its_entry_and_counted_beside_the_best() -> None:
    lines = report([short(1, 99.0, 0.118, END="400"), short(2, 60.0, 0.98, END="15")])
    assert lines[lines.index("BEST CONFIGURATION:") + 2] == "Config file: config_002"
    assert "Ranked last, target sparsity not reached: 1 of 1 others" in lines
    entry = lines.index("2. config_001")
    assert lines[entry + 3] == "   target sparsity 98.0% not reached: 11.8%"


def test_best_of_only_short_ones_says_so() -> None:
    lines = report([short(1, 99.0, 0.118), short(2, 60.0, 0.5, END="15")])
    assert "Config file: config_001" in lines
    told = "target sparsity 98.0% not reached: 11.8%; no configuration reached its target"
    assert told in lines


def test_incomplete_best_above_complete_ones_that_missed_their_target() -> None:
    results = [short(1, 99.0, 0.118, END="400"), short(2, 60.0, 0.98, END="15")]
    failed = trial(3, 2, TARGET_SPARSITY="0.98", END="15")
    lines = report([*results, ended(failed, Status.FAILED, "diverged")])
    assert "Config file: config_002" in lines
    told = "INCOMPLETE: 1 of 2 seeds (1 did not pass); those that passed on all of their seeds "
    assert told + "missed their target sparsity" in lines


def test_some_seeds_short() -> None:
    item, other = short(1, 99.0, 0.118), trial(2, 2, TARGET_SPARSITY="0.98")
    lines = report([item, passed(other, 99.0, final_sparsity=0.98)])
    told = "target sparsity 98.0% not reached: 11.8% in 1 of 2 trials"
    assert f"{told}; no configuration reached its target" in lines


def test_best_for_each_target_sparsity() -> None:
    results = [
        passed(trial(1, 1, TARGET_SPARSITY="0.9"), 80.0, 79.0, final_sparsity=0.9),
        passed(trial(2, 1, TARGET_SPARSITY="0.9", LR="2"), 85.0, 84.0, final_sparsity=0.9),
        passed(trial(3, 1, TARGET_SPARSITY="0.9995"), 9.0, 8.0, final_sparsity=0.1),
        passed(trial(4, 1, TARGET_SPARSITY="0"), 95.0, 94.0, final_sparsity=0.0),
    ]
    lines = report(results)
    at = lines.index("BEST PER TARGET SPARSITY:")
    assert lines.index("BEST CONFIGURATION:") < at < lines.index("TOP 10 CONFIGURATIONS:")
    assert lines[at + 2 : at + 6] == [
        "unpruned: config_004 | Val Acc: 95.00% (n=1: no interval) | Test Acc: 94.00%",
        "90.0%: config_002 | Val Acc: 85.00% (n=1: no interval) | Test Acc: 84.00%",
        "99.95%: config_003 | Val Acc: 9.00% (n=1: no interval) | Test Acc: 8.00%"
        " | target sparsity 99.95% not reached: 10.0%",
        "",
    ]


def test_an_unpruned_control_has_no_target() -> None:
    control = trial(2, 1)
    config = {name: text for name, text in control.config.items() if name != "TARGET_SPARSITY"}
    control = Trial(2, control.name, control.id, {**config, "PRUNING_METHOD": "none"}, {})
    lines = report([passed(trial(1, 1), 90.0), passed(control, 95.0, final_sparsity=0.0)])
    assert any(line.startswith("unpruned: config_002 | ") for line in lines)


def test_one_target_sparsity_needs_no_list_of_them() -> None:
    assert "BEST PER TARGET SPARSITY:" not in report(sweep({"0.85": [90.0], "0.87": [91.0]}))


def test_splits_are_named_where_they_vary() -> None:
    results = [passed(trial(n, 1, SPLIT_SEED=str(n)), 90.0 + n) for n in (1, 2)]
    lines = report(results)
    assert "Seeds: 1 split 1 (config_001), 1 split 2 (config_002)" in lines
    assert "Total configurations tested: 1" in lines
    assert not any("CONFIG_SPLIT_SEED=" in line for line in lines)


def test_other_validation_samples_are_marked() -> None:
    results = [
        passed(trial(n, 1, VALIDATION_FRACTION=share), 90.0 + n)
        for n, share in enumerate(("0.1", "0.2"), 1)
    ]
    lines = report(results)
    assert lines.index("BEST CONFIGURATION:") > lines.index(
        "NOTE: validation results are of different samples: compare within one data set"
    )
    assert "Other validation samples, not comparable with it: 1 of 1 others" in lines
    assert not any(line.startswith("Not compared with it") for line in lines)
    entry = lines.index("2. config_001")
    assert lines[entry + 3] == "   other validation samples than the best's"
