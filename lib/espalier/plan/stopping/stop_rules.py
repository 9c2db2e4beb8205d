"""The rules by which configurations stop before their last epoch, as the symbols set them.

A rung is a number of epochs after which configurations are compared. The rules are part of what
makes a plan: with others it is another sweep, since what was stopped stays stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from espalier.core import measures
from espalier.core.errors import SettingError
from espalier.core.measures import MAX, MIN, RANK_BY, Measure
from espalier.core.records import PlanHeader
from espalier.core.trial import NO_STOP, STOP, TRIAL_SECONDS, Trial, has_rungs
from espalier.kconfig.advice import spelling
from espalier.scripts.script_identity import LIBRARY, TRAINER

SYMBOL = STOP
_BY = "STOP_BY"
_SYMBOLS = ("STOP_REDUCTION", "STOP_RUNGS", "STOP_KEEP", _BY)
EPOCHS = "NUM_EPOCHS"
OF_EPOCHS = ("val_acc", "val_loss", "train_loss", "sparsity")
"""Measures that every epoch of every trial of the library has."""


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

    So it is for a plan in which every trial has to come to its end, and for a measure that no epoch
    of its trials will have.
    """
    _check_recorded(header)
    rules = stop_rules(header.settings)
    if rules is None:
        return
    trials = list(trials)
    _check_alone(header, trials, rules.rule)
    longest = max(map(epochs_of, trials))
    if not rules.rungs(longest):
        least = rules.set_rungs[0] + 1 if rules.set_rungs else max(2, rules.reduction)
        what = f"needs trials of {least} epochs or more, and none has more than {longest}"
        raise SettingError(SYMBOL, rules.rule, f"{what}; raise CONFIG_{EPOCHS}")


def idle_notes(settings: Mapping[str, str], trials: Iterable[Trial]) -> list[str]:
    """Return a note if rules leave all configurations of a plan to come to their end."""
    rules = stop_rules(settings)
    if rules is None:
        return []
    count = len({trial.configuration for trial in trials})
    if rules.keeps(count) < count:
        return []
    given = f"CONFIG_STOP_KEEP={rules.keep}" if rules.keep else f"CONFIG_{SYMBOL}={rules.rule}"
    fix = f"keep fewer, or leave CONFIG_{SYMBOL} out" if rules.keep and count > 1 else ""
    fix = fix or f"leave CONFIG_{SYMBOL} out"
    which = f"all {count} configurations go on" if count > 1 else "the only configuration goes on"
    return [f"{given}: nothing stops, as {which}; {fix}"]


def _check_alone(header: PlanHeader, trials: Iterable[Trial], rule: RungRule) -> None:
    """Raise UserError if what the plan is for needs the end of every trial."""
    others = {
        "a race decides by the ends of trials who is out": header.race is not None,
        "claims are judged by the ends of all their trials": header.claims is not None,
        "a sampler learns from the ends of trials": "proposals" in header.design,
        f"CONFIG_{TRIAL_SECONDS} sets the end of trials by time": any(map(_is_timed, trials)),
    }
    if why := next((why for why, holds in others.items() if holds), ""):
        raise SettingError(SYMBOL, rule, f"{why}; set CONFIG_{SYMBOL}={RungRule.NONE} for it")


def _is_timed(trial: Trial) -> bool:
    return trial.config.get(TRIAL_SECONDS, "0") != "0"


def epochs_of(trial: Trial) -> int:
    """Return how many epochs a trial is to have; 1 if it does not say."""
    return int(trial.config.get(EPOCHS, "1"))


def _check_recorded(header: PlanHeader) -> None:
    """Raise UserError for a measure that not every epoch of the library's own trials has.

    What a program, an entry or a component of a user's own records is known at the first rung.
    """
    is_own = header.entry or header.trees or header.settings.get(TRAINER, LIBRARY) != LIBRARY
    if is_own or not has_rungs(header.settings):
        return
    name, text = _decider(header.settings)
    first = text.split(",")[0].partition(":")[0].strip()
    spelled = first.lower() if first.lower() in measures.MEASURES else first
    if spelled in OF_EPOCHS or spelled.startswith("test_"):
        return
    near = spelling.nearest(first, OF_EPOCHS) or next((m for m in OF_EPOCHS if m in first), "")
    hint = f"did you mean {near}? " * bool(near)
    rule = f"{hint}configurations stop by a number of every epoch: {', '.join(OF_EPOCHS)}"
    raise SettingError(name, text, f"{rule}; set CONFIG_{_BY} to one of them")


def _decider(settings: Mapping[str, str]) -> tuple[str, str]:
    """Return the symbol whose measure decides, and its text."""
    given = settings.get(_BY, "")
    return (_BY, given) if given else (RANK_BY, settings[RANK_BY])


def _measure(settings: Mapping[str, str]) -> Measure:
    """Return the measure that decides. Raises UserError if it is none of an epoch."""
    name, text = _decider(settings)
    try:
        measure, *others = measures.measures_of(text)
    except measures.MeasureError as error:
        raise SettingError(name, text, _rule_of(text, error)) from None
    if name == _BY and others:
        raise SettingError(name, text, f"one measure decides who stops; keep {measure.name}")
    if measure.tested:
        rule = "test data must decide nothing; set CONFIG_STOP_BY=val_acc, or another of an epoch"
        raise SettingError(name, text, f"stops configurations, and {rule}")
    return measure


def _rule_of(text: str, error: measures.MeasureError) -> str:
    """Return the rule that a measure breaks, where its direction is missing without a list."""
    try:
        own = measures.own_names(text)
    except measures.MeasureError:
        own = []
    if not own:
        return error.rule
    ways = f"{own[0]}:{MAX} if more is, {own[0]}:{MIN} if less is"
    return f"nothing says whether more of {own[0]} is better; write {ways}"


def _rungs(settings: Mapping[str, str]) -> tuple[int, ...]:
    text = settings.get("STOP_RUNGS", "")
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise SettingError("STOP_RUNGS", text, _RULE)
    rungs = tuple(map(int, parts))
    if rungs != tuple(sorted({*rungs} - {0})):
        raise SettingError("STOP_RUNGS", text, _RULE)
    return rungs


_RULE = "must be numbers of epochs from 1, each above the one before, by commas, as 1,3,9"
