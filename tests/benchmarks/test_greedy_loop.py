"""The loop that gates on `verdict`: the verbs plan, run and judge each offer."""

from __future__ import annotations

from pathlib import Path

import alike_trial
import greedy_loop
import pytest

from espalier.core.trial import Task, Trial, discard


def score(identity: str, seed: str) -> float:
    trial = Trial(1, "config_001", identity, {"SEED": seed})
    return float(alike_trial.alike(Task.single(trial, {}, Path()), discard).measures["val_acc"])


def test_arms_are_alike() -> None:
    assert score("a", "1") == score("a", "1")
    scores = [score(f"{arm}", f"{seed}") for seed in range(40) for arm in range(5)]
    assert len(set(scores)) > 10
    assert 96.5 < sum(scores) / len(scores) < 97.5
    counts = [value * alike_trial.SAMPLES / 100 for value in scores]
    assert all(abs(count - round(count)) < 1e-9 for count in counts)


def test_an_offer_is_judged_by_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def better(task: Task, emit: object) -> object:
        result = alike(task, discard)
        rate = float(task.trial.config["LEARNING_RATE"])
        noise = 0.01 * (int(task.trial.config["SEED"]) % 3)
        result.measures["val_acc"] = 90.0 + 1000 * rate + noise * (rate > 0.0015)
        return result

    alike = alike_trial.alike
    assert greedy_loop.ask("0.0010", "0.0020", 0, 4, processes=False) in range(4)
    monkeypatch.setattr(alike_trial, "alike", better)
    assert greedy_loop.ask("0.0010", "0.0020", 0, 4, processes=False) == greedy_loop.BETTER
    assert greedy_loop.ask("0.0020", "0.0010", 0, 4, processes=False) == greedy_loop.WORSE


def test_a_verb_that_fails_ends_the_loop() -> None:
    with pytest.raises(SystemExit):
        greedy_loop.within("verdict", "--a", "X=1", "--b", "X=1", "--sweep", "nowhere")
