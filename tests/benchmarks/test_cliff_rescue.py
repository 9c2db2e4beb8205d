"""What the benchmark of cliff rescue makes of the accuracies of its arms."""

import cliff_rescue
import pytest

from espalier.core.trial import Trial


def arms(**accuracies):
    return {
        name: {str(seed): {"test_acc": value} for seed, value in enumerate(values)}
        for name, values in accuracies.items()
    }


FOUND = arms(low=[40.0, 50.0], high=[90.0, 90.0], grow=[85.0, 94.0])


def test_the_rescue_ratio_is_that_of_the_means():
    assert cliff_rescue.ratio(FOUND, "grow", ["0"]) == pytest.approx(45 / 50)
    assert cliff_rescue.ratio(FOUND, "grow", ["1"]) == pytest.approx(44 / 40)
    assert cliff_rescue.ratio(FOUND, "grow", ["0", "1"]) == pytest.approx(44.5 / 45)


def test_its_interval_is_within_what_single_seeds_say():
    low, high = cliff_rescue.ends(FOUND, "grow")
    assert (low, high) == (pytest.approx(45 / 50), pytest.approx(44 / 40))
    same = arms(low=[40.0] * 5, high=[90.0] * 5, grow=[65.0] * 5)
    assert cliff_rescue.ends(same, "grow") == (0.5, 0.5)


def test_differences_are_of_seeds_that_both_have():
    arms = {"a": {"1": {"test_acc": 5.0}, "2": {"test_acc": 7.0}}, "b": {"2": {"test_acc": 4.0}}}
    assert cliff_rescue.minus(arms, "a", "b") == [3.0]


def test_the_base_rate_is_chosen_on_validation():
    arms = {
        "age 0.1": {"1": {"val_acc": 60.0, "test_acc": 99.0}},
        "age 0.2": {"1": {"val_acc": 61.0, "test_acc": 10.0}},
        "dual 0.1": {"1": {"val_acc": 90.0, "test_acc": 90.0}},
    }
    assert cliff_rescue.best(arms, "age") == "age 0.2"


def test_arms_are_told_apart_and_files_are_those_of_users():
    def named(sweep, **config):
        return cliff_rescue.named(sweep, Trial(1, "t", "0", config))

    static = {"PRUNING_METHOD": "none", "BLOCKS_DENSITY": "0.05", "NUM_EPOCHS": "118"}
    assert named("static", **static) == "low, longer"
    assert named("static", **{**static, "BLOCKS_DENSITY": "0.2", "NUM_EPOCHS": "40"}) == "high"
    assert named("growing", PRUNING_METHOD="grow", GROW_WHERE="random") == "grow, random"
    texts = cliff_rescue.sweeps("rescue", 3)
    assert all(text.endswith("\n") and "CONFIG_SEED=1:1:3\n" in text for text in texts.values())
    assert "1:1:5" not in "".join(texts.values())
    assert "CONFIG_GROW_WHERE=gradient|extrema|random" in texts["growing"]
    assert texts["credits"].count("CONFIG_GROW_WHERE") == 1
