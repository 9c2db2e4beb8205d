"""Sweeps in which two methods differ by given amounts on the seeds 1, 2, ..."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from trial_results import passed

from espalier.analysis.arms import Arm
from espalier.analysis.comparing.arm_matching import ask
from espalier.analysis.comparing.arm_question import ArmVerdict, Question
from espalier.analysis.rank import TrialResult, rank
from espalier.core.measures import VAL_ACC
from espalier.core.records import Provenance
from espalier.core.trial import Trial

STATE, MAGNITUDE = Arm({"METHOD": "state"}), Arm({"METHOD": "magnitude"})
QUESTION = Question(STATE, MAGNITUDE, Arm(), VAL_ACC, 0.05, 0.0)
GAINS = (0.5, 0.25, 0.75, 0.5)
"""Their mean is 0.5, their deviation 0.2041, the error of the mean 0.10206; t is 4.899."""


def arm_trial(number: int, seed: int, method: str, **values: str) -> Trial:
    """A trial of a method; METHOD, `values` and SEED are swept."""
    swept = {"METHOD": method, **values, "SEED": str(seed)}
    config = {"MODEL": "mlp", "DATASET": "digits", **swept}
    identity = " ".join(f"{name}={text}" for name, text in sorted(config.items()))
    return Trial(number, f"config_{number:03d}", identity, config, swept)


def two_arms(gains: Sequence[float] = GAINS, start: int = 1, **values: str) -> list[TrialResult]:
    """`state` is better than `magnitude` by the gains, on top of 90 and a tenth a seed."""
    made: list[TrialResult] = []
    for method, share in (("state", 1.0), ("magnitude", 0.0)):
        for seed, gain in enumerate(gains, start=1):
            item = arm_trial(start + len(made), seed, method, **values)
            made.append(passed(item, 90.0 + seed / 8 + share * gain))
    return made


def of_origin(item: TrialResult, **origin: Any) -> TrialResult:
    """The same trial with another provenance."""
    result = replace(item.result, provenance=Provenance.from_json(origin))
    return item._replace(result=result)


def at_two_sparsities() -> list[TrialResult]:
    """Four seeds at 0.5 and two at 0.9."""
    return [*two_arms(SPARSITY="0.5"), *two_arms([1.0, 0.5], start=9, SPARSITY="0.9")]


def ask_two(results: Sequence[TrialResult], **changes: Any) -> ArmVerdict:
    """The verdict on whether `state` is better than `magnitude`, or on another question."""
    question = replace(QUESTION, **changes)
    ranking = rank(results, question.by.name)
    return ask(ranking.configurations, question)
