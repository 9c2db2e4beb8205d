"""The rules by which configurations stop before their last epoch, as the symbols set them.

A rung is a number of epochs after which configurations are compared. The rules are part of what
makes a plan: with others it is another sweep, since what was stopped stays stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from espalier.core import measures
from espalier.core.errors import UserError
from espalier.core.measures import RANK_BY, Measure
from espalier.core.records import PlanHeader
from espalier.core.trial import EPOCHS, NO_STOP, STOP, TRIAL_SECONDS, Trial, has_rungs

SYMBOL = STOP
_BY = "STOP_BY"
_SYMBOLS = ("STOP_REDUCTION", "STOP_RUNGS", "STOP_KEEP", _BY)


class RungRule(StrEnum):
    """How it is decided who goes on at a rung."""

    NONE = NO_STOP
    HALVING = "halving"
    ASHA = "asha"
    FIRST_EPOCH = "first_epoch"


@dataclass(frozen=True)
class StopRules:
    """A rule, and what it needs.

    `reduction`: one of so many goes on at a rung; where no rung is set each lies at so many times
    the epochs of the one before. `keep`: so many go on after the first epoch. The rungs are
    `set_rungs`, if there are any.
    """

    rule: RungRule
    by: Measure
    reduction: int = 0
    keep: int = 0
    set_rungs: tuple[int, ...] = ()

    def rungs(self, epochs: int) -> list[int]:
        """Return the rungs of a trial of so many epochs, ascending: its last epoch is none.

        Where none are set, there is as much between the last one and the end as between two.
        """
        if self.set_rungs or not self.reduction:
            return [rung for rung in self.set_rungs or (1,) if rung < epochs]
        rungs, rung = [], 1
        while rung * self.reduction <= epochs:
            rungs.append(rung)
            rung *= self.reduction
        return rungs

    def keeps(self, count: int) -> int:
        """Return how many of so many configurations go on at a rung: 1 at least."""
        return self.keep or max(1, count // self.reduction)


def stop_rules(settings: Mapping[str, str]) -> StopRules | None:
    """Return the rules of a plan with these settings; None if every trial is to come to its end.

    Raises UserError.
    """
    rule = RungRule(settings.get(SYMBOL, RungRule.NONE))
    if rule is RungRule.NONE:
        return None
    reduction, keep = (int(settings.get(name, "0")) for name in ("STOP_REDUCTION", "STOP_KEEP"))
    return StopRules(rule, _measure(settings), reduction, keep, _rungs(settings))


def rules_text(settings: Mapping[str, str]) -> str:
    """Return the rules as text, which is empty without any: plans differ if this does."""
    if not has_rungs(settings):
        return ""
    settings = keep_decider(settings)
    given = ((name, settings[name]) for name in (SYMBOL, *_SYMBOLS) if name in settings)
    return "".join(f" {name}={text}" for name, text in given)


def keep_decider(settings: Mapping[str, str]) -> Mapping[str, str]:
    """Return settings that name the measure that decides, whatever ranks later on."""
    if not has_rungs(settings):
        return settings
    return {**settings, _BY: settings.get(_BY) or settings[RANK_BY]}


def check_stop(header: PlanHeader, trials: Iterable[Trial]) -> None:
    """Raise UserError for rules by which nothing can be stopped, or that look at test data.

    So it is for a plan in which every trial has to come to its end.
    """
    rules = stop_rules(header.settings)
    if rules is None:
        return
    trials = list(trials)
    _check_alone(header, trials, f"CONFIG_{SYMBOL}={rules.rule}")
    longest = max(map(epochs_of, trials))
    if not rules.rungs(longest):
        least = rules.set_rungs[0] + 1 if rules.set_rungs else max(2, rules.reduction)
        what = f"CONFIG_{SYMBOL}={rules.rule}: needs trials of {least} epochs or more"
        raise UserError(f"{what}, and none has more than {longest}; raise CONFIG_{EPOCHS}")


def _check_alone(header: PlanHeader, trials: Iterable[Trial], given: str) -> None:
    """Raise UserError if what the plan is for needs the end of every trial."""
    others = {
        "a race decides by the ends of trials who is out": header.race is not None,
        "claims are judged by the ends of all their trials": header.claims is not None,
        "a sampler learns from the ends of trials": "proposals" in header.design,
        f"CONFIG_{TRIAL_SECONDS} sets the end of trials by time": any(map(_is_timed, trials)),
    }
    if why := next((why for why, holds in others.items() if holds), ""):
        raise UserError(f"{given}: {why}; set CONFIG_{SYMBOL}={RungRule.NONE} for it")


def _is_timed(trial: Trial) -> bool:
    return trial.config.get(TRIAL_SECONDS, "0") != "0"


def epochs_of(trial: Trial) -> int:
    """Return how many epochs a trial is to have; 1 if it does not say."""
    return int(trial.config.get(EPOCHS, "1"))


def _measure(settings: Mapping[str, str]) -> Measure:
    """Return the measure that decides. Raises UserError if it is none of an epoch."""
    given = settings.get(_BY, "")
    name, text = (_BY, given) if given else (RANK_BY, settings[RANK_BY])
    try:
        measure = measures.measures_of(text)[0]
    except measures.MeasureError as error:
        raise UserError(f"CONFIG_{name}={text}: {error.rule}") from None
    if measure.tested:
        rule = "test data must decide nothing; set CONFIG_STOP_BY=val_acc, or another of an epoch"
        raise UserError(f"CONFIG_{name}={text}: stops configurations, and {rule}")
    return measure


def _rungs(settings: Mapping[str, str]) -> tuple[int, ...]:
    text = settings.get("STOP_RUNGS", "")
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise UserError(f"CONFIG_STOP_RUNGS={text}: {_RULE}")
    rungs = tuple(map(int, parts))
    if rungs != tuple(sorted({*rungs} - {0})):
        raise UserError(f"CONFIG_STOP_RUNGS={text}: {_RULE}")
    return rungs


_RULE = "must be numbers of epochs from 1, each above the one before, by commas, as 1,3,9"
