"""Arms of sweeps, paired by seed, and the folder that sweeps are kept in."""

import argparse

import measuring
import sweeping

from espalier.core.trial import Result, Status, Trial


def trial(number, seed, method="grow"):
    return Trial(number, f"t{number}", "0", {"SEED": seed, "PRUNING_METHOD": method})


def test_arms_have_what_passed_by_seed(tmp_path, monkeypatch, capsys):
    good, bad = (
        Result(Status.PASSED, measures={"test_acc": 90.0}),
        Result(Status.FAILED, "diverged"),
    )
    results = [(trial(1, "1"), good), (trial(2, "2"), bad), (trial(3, "1", "none"), good)]
    monkeypatch.setattr(sweeping, "results", lambda place: results)
    arms = sweeping.arms(tmp_path / "digits", lambda trial: trial.config["PRUNING_METHOD"])
    assert arms == {"grow": {"1": good}, "none": {"1": good}}
    assert "digits: t2 failed" in capsys.readouterr().err


def test_differences_are_by_seed_and_in_the_order_of_the_first():
    first, second = {"2": 5.0, "1": 1.0, "3": 9.0}, {"1": 4.0, "2": 3.0, "4": 0.0}
    assert sweeping.pairs(first, second) == [(5.0, 3.0), (1.0, 4.0)]
    assert sweeping.apart(float, first, second) == [2.0, -3.0]


def test_a_calm_environment_has_no_variable_that_changes_what_a_command_does(monkeypatch):
    monkeypatch.setenv("SAMPLER", "random")
    monkeypatch.setenv("RANK_BY", "test_acc")
    monkeypatch.setenv("KEPT", "1")
    calm = sweeping.calm_environment()
    assert calm["KEPT"] == "1" and not {"SAMPLER", "RANK_BY"} & calm.keys()


def test_sweeps_stay_where_they_are_to_be_kept_and_nowhere_else(tmp_path):
    kept = tmp_path / "a" / "b"
    with measuring.place(argparse.Namespace(keep=kept)) as place:
        assert place == kept and place.is_dir()
    assert kept.is_dir()
    with measuring.place(argparse.Namespace(keep=None)) as place:
        assert place.is_dir()
    assert not place.exists()
