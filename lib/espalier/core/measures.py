"""The measures that can rank configurations: their names, units and directions.

`RANK_BY` is a text such as `val_acc`, `my_score:max` or `val_acc,live_parameters`: names by commas,
each with its direction behind a colon where that is not known. The first ranks; all of them
together have a front.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from espalier.core.errors import UserError

RANK_BY = "RANK_BY"
"""The setting that names measures."""
MAX, MIN = "max", "min"
"""The directions: more is better, less is better."""
LARGE = 999_999.5
"""A number of that size or more is written in full."""
LISTED = 12
"""Of many names, those that a message has."""


@dataclass(frozen=True)
class Measure:
    """A final measure of a trial that can rank configurations.

    `curve` is the measure of an epoch that shows its course. It is empty for measures on the test
    data, which is read once, at the end. Without `decimals` a number has six digits or more.
    """

    name: str  # as trials report it
    label: str
    short: str  # the label where there is little room
    unit: str  # printed after a number
    decimals: int | None
    larger: bool  # whether more is better
    maximum: float = math.inf  # the largest possible value
    curve: str = ""
    minimum: float = 0.0  # the smallest possible value

    @property
    def sign(self) -> int:
        """1 if more is better, -1 if less is."""
        return 1 if self.larger else -1

    @property
    def spelled(self) -> str:
        """The name, with the direction where it does not follow from that: a text of RANK_BY."""
        usual = _by_name(self.name)
        if usual is not None and usual.larger == self.larger:
            return self.name
        return f"{self.name}:{MAX if self.larger else MIN}"

    @property
    def tested(self) -> bool:
        """Whether it is measured on the test data, so that to select by it overstates it."""
        return self.name.startswith("test_")

    @property
    def over_tasks(self) -> bool:
        """Whether it is a mean over the ends of the tasks of a run whose data shifts."""
        return bool(self.curve) and self.name == f"mean_{self.curve}"

    @property
    def difference_unit(self) -> str:
        """The unit of a difference: two percentages differ by points."""
        return " points" if self.unit == "%" else self.unit

    @property
    def axis(self) -> str:
        """The label with the unit, as the axis of a picture has it."""
        return f"{self.label} ({self.unit.strip()})" if self.unit else self.label

    def number(self, value: float, sign: str = "") -> str:
        """Return a value as text without its unit; `sign` is `+` for a difference.

        What is rounded to zero has no minus.
        """
        if self.decimals is not None:
            return format(value, f"{sign}z.{self.decimals}f")
        return format(value, f"{sign}z,.6g" if abs(value) < LARGE else f"{sign},.0f")

    def with_unit(self, value: float, sign: str = "") -> str:
        """Return a value as text with its unit; `sign` is `+` for a difference."""
        return self.number(value, sign) + (self.difference_unit if sign else self.unit)


def _accuracy(name: str, label: str, short: str, curve: str = "") -> Measure:
    return Measure(name, label, short, "%", 2, True, 100.0, curve)


def _loss(name: str, label: str, short: str, curve: str = "") -> Measure:
    return Measure(name, label, short, " nats", 4, False, math.inf, curve)


def _nats(name: str, larger: bool = False) -> Measure:
    """Return a difference of losses, which may be below 0."""
    label = _spelled_out(name)
    return Measure(name, label, label, " nats", 4, larger, minimum=-math.inf)


def _count(name: str, unit: str = "", decimals: int | None = None) -> Measure:
    """Return a count, a size or a time: less is better."""
    label = _spelled_out(name)
    return Measure(name, label, label, unit, decimals, False, curve=name)


def _spelled_out(name: str) -> str:
    return name.replace("_", " ")


def _plasticity(name: str, larger: bool) -> tuple[Measure, Measure]:
    """Return a measure at the ends of tasks, and its mean over them."""
    label = _spelled_out(name)
    own = Measure(name, label, label, "", 4, larger, curve=name)
    return own, replace(own, name=f"mean_{name}", label=f"mean {label}", short=f"mean {label}")


VAL_ACC = _accuracy("val_acc", "validation accuracy", "val acc", "val_acc")
TEST_ACC = _accuracy("test_acc", "test accuracy", "test acc")
VAL_LOSS = _loss("val_loss", "validation loss", "val loss", "val_loss")
LIVE_PARAMETERS = _count("live_parameters")
FLOPS_TOTAL = replace(_count("flops_total"), label="FLOPs of the run", short="FLOPs", curve="")
FLOPS = ("forward", "backward", "update", "dense_forward", "dense_backward", "dense_update")
"""The ends of names of floating-point operations, beside those of the run."""
MEASURES = {
    measure.name: measure
    for measure in (
        VAL_ACC,
        TEST_ACC,
        VAL_LOSS,
        _loss("test_loss", "test loss", "test loss"),
        _accuracy("mean_val_acc", "mean validation accuracy", "mean val acc", "val_acc"),
        _loss("mean_val_loss", "mean validation loss", "mean val loss", "val_loss"),
    )
}
"""Accuracies and losses by name, the default first. A mean is over the tasks of a run."""
NAMED = MEASURES | {
    measure.name: measure
    for measure in (
        _accuracy("train_acc", "training accuracy", "train acc"),
        _loss("train_loss", "training loss", "train loss", "train_loss"),
        _accuracy("best_val_acc", "best validation accuracy of an epoch", "best val acc"),
        _accuracy("first_tasks_acc", "accuracy on the first tasks", "first tasks acc"),
        _accuracy("last_tasks_acc", "accuracy on the last tasks", "last tasks acc"),
        LIVE_PARAMETERS,
        FLOPS_TOTAL,
        *(replace(_count(f"flops_{part}"), curve="") for part in (*FLOPS, "dense_total")),
        *(replace(_count(f"bytes_{part}"), curve="") for part in ("weights", "state")),
        _count("parameters"),
        _count("total_time", "s", 1),
        _count("steps"),
        _count("epochs"),
        replace(_count("final_sparsity"), larger=True, maximum=1.0, decimals=4),
        Measure("val_bpc", "validation bits a character", "val bpc", " bits", 4, False),
        Measure("test_bpc", "test bits a character", "test bpc", " bits", 4, False),
        _nats("forgetting"),
        _nats("shifted_forgetting"),
        _loss("shifted_val_loss", "shifted validation loss", "shifted val loss"),
        _nats("gain", larger=True),
        _count("relearning_steps"),
        _nats("event_jump"),
        _nats("event_jump_max"),
        _count("recovery_steps"),
        _count("unrecovered"),
        _count("event_seconds", "s", 3),
        _count("probe_seconds", "s", 3),
        _count("training_operations"),
        *_plasticity("dormant_share", larger=False),
        *_plasticity("dead_share", larger=False),
        *_plasticity("effective_rank", larger=True),
        *_plasticity("entropy_rank", larger=True),
    )
}
"""Every measure whose direction stands here, by name."""
ENDINGS = {
    **dict.fromkeys(("acc", "accuracy", "f1", "auc", "precision", "recall", "reward"), True),
    **dict.fromkeys(("loss", "error", "nll", "perplexity", "bpc", "mse", "mae", "rmse"), False),
    **dict.fromkeys(("seconds", "time", "parameters", "operations", "bytes"), False),
}
"""The last word of a name that says by itself whether more is better."""


class MeasureError(UserError):
    """A text of `RANK_BY` that is none; `rule` is what must hold."""

    def __init__(self, text: str, rule: str) -> None:
        """Name the text in the message."""
        super().__init__(f"RANK_BY={text}: {rule}")
        self.rule = rule


def find(text: str) -> Measure:
    """Return the measure of one name, with or without its direction. Raises MeasureError."""
    with _naming(text):
        return _measure(text)


def measures_of(text: str) -> tuple[Measure, ...]:
    """Return the measures of a text of `RANK_BY`, that which ranks first.

    Raises MeasureError for a text that is none, and for a name whose direction is not known.
    """
    with _naming(text):
        return tuple(map(_measure, _parts(text)))


def check_form(text: str) -> str:
    """Return a text of `RANK_BY`, whatever it names. Raises MeasureError if it is none."""
    with _naming(text):
        return ",".join(_parts(text))


def own_names(text: str) -> list[str]:
    """Return the names of a text without a direction that do not stand here.

    Raises MeasureError if the text is none.
    """
    with _naming(text):
        pairs = map(_split, _parts(text))
        return [name for name, direction in pairs if not direction and name not in NAMED]


def resolve(
    text: str,
    recorded: Collection[str] = (),
    declared: Callable[[], Mapping[str, str]] = dict,
) -> str:
    """Return a text of `RANK_BY` in which every direction is known or given.

    `recorded` are the measures that there are, if trials have run; `declared` gives directions
    that components declare, and is called only for a name that nothing else knows. Raises
    MeasureError, with what would do, for a text that is none or a direction that is not known.
    """
    with _naming(text):
        return ",".join(_resolved(part, recorded, declared) for part in _parts(text))


def listed(names: Collection[str]) -> str:
    """Return names as text, of many the first, those of accuracies and losses leading."""
    ordered = [name for name in MEASURES if name in names]
    ordered += sorted(name for name in names if name not in MEASURES)
    more = f" and {len(ordered) - LISTED} more" if len(ordered) > LISTED else ""
    return ", ".join(ordered[:LISTED]) + more


@contextmanager
def _naming(text: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise MeasureError(text, str(error)) from None


def _parts(text: str) -> list[str]:
    """Return the parts of a text of `RANK_BY`, a measure each. Raises ValueError if it is none."""
    parts = [part.strip() for part in text.split(",")]
    names = [_split(part)[0] for part in parts]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"names {twice[0]} twice; keep one")
    return parts


def _split(part: str) -> tuple[str, str]:
    """Return the name and the direction of a part, empty if it has none. Raises ValueError."""
    name, colon, direction = part.rpartition(":") if ":" in part else (part, "", "")
    if not name or not name.isprintable() or " " in name:
        raise ValueError("must be names of measures by commas, as val_acc,live_parameters")
    if colon and direction not in (MAX, MIN):
        raise ValueError(f":{direction} must be :{MAX} (more is better) or :{MIN} (less is)")
    return name.lower() if name.lower() in MEASURES else name, direction


def _resolved(
    part: str, recorded: Collection[str], declared: Callable[[], Mapping[str, str]]
) -> str:
    name, direction = _split(part)
    if not direction and not _by_name(name):
        direction = declared().get(name, "")
        if not direction:
            raise ValueError(_why_unknown(name, recorded))
    return f"{name}:{direction}" if direction else name


def _why_unknown(name: str, recorded: Collection[str] = ()) -> str:
    """Return why a name without a direction cannot rank, and what can."""
    fix = f"{name}:{MAX} ranks by it if more is better, {name}:{MIN} if less is"
    if name in recorded:
        return f"nothing says whether more of {name} is better; {fix}"
    if recorded:
        return f"no trial has {name}; there are {listed(recorded)}"
    return f"must be one of {listed(NAMED)}, or have a direction: {fix}"


def _measure(part: str) -> Measure:
    """Return the measure of a part. Raises ValueError."""
    name, direction = _split(part)
    usual = _by_name(name)
    if direction:
        return replace(usual or _own(name, True), larger=direction == MAX)
    if usual is None:
        raise ValueError(_why_unknown(name))
    return usual


def _by_name(name: str) -> Measure | None:
    """Return a measure that stands here, or whose name ends in a word that does."""
    if name in NAMED:
        return NAMED[name]
    larger = ENDINGS.get(name.rpartition("_")[2].lower())
    return None if larger is None else _own(name, larger)


def _own(name: str, larger: bool) -> Measure:
    """Return a measure of which its name and direction are all that is known."""
    curve = "" if name.startswith("test_") else name
    label = _spelled_out(name)
    return Measure(name, label, label, "", None, larger, curve=curve, minimum=-math.inf)
