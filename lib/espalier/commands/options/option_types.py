"""The types and options that several verbs share.

A variable given to make (PARALLEL=4, NEW=1, RANK_BY=test_acc) arrives in the environment. An empty
one counts as not given. An option on the command line wins over it. A variable that shells hold for
ends of their own (NAME, DIR) counts only where make was given it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from espalier.analysis.confidence import ALPHA
from espalier.analysis.equivalence import LARGEST_MARGIN, MARGIN
from espalier.commands.options.make_variables import is_ours
from espalier.core import measures
from espalier.core.errors import UserError
from espalier.kconfig.advice import spelling
from espalier.kconfig.declared_measures import resolve

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from click.shell_completion import CompletionItem

    FieldsT = TypeVar("FieldsT", bound=DataclassInstance)

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]


class Checked(click.ParamType[Any]):
    """A type of click whose errors name the value and the rule that it breaks."""

    def __init__(self, inner: click.ParamType[Any], rule: str) -> None:
        """`rule` follows `must be` in messages."""
        self.inner, self.rule = inner, rule
        self.name = inner.name.removesuffix(" range")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value as `inner` converts it. Raises UserError."""
        try:
            converted = self.inner.convert(value, param, ctx)
        except click.BadParameter:
            converted = None
        if converted is None or converted != converted:  # NaN is within no range
            raise UserError(f"{place(param, value, ctx)}: {self._describe_fault(value)}")
        return converted

    def _describe_fault(self, value: Any) -> str:
        """Return what is wrong with a value that breaks the rule."""
        del value
        return f"must be {self.rule}"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return what `--help` shows for a value."""
        return self.inner.get_metavar(param, ctx)

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str | None:
        """Return the rule, for the message that a required value is missing."""
        return f"must be {self.rule}"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the values that begin with `incomplete`."""
        return self.inner.shell_complete(ctx, param, incomplete)


class OneOf(Checked):
    """A value that is one of some names, or an error that says which of them was meant."""

    def __init__(self, names: Sequence[str]) -> None:
        """Take no other name than `names`."""
        super().__init__(click.Choice(list(names)), f"one of {', '.join(names)}")
        self._names = names

    def _describe_fault(self, value: Any) -> str:
        near = spelling.nearest(str(value), self._names)
        return (f"did you mean {near}? it " if near else "") + super()._describe_fault(value)


class Switch(click.types.BoolParamType):
    """A flag that make sets to 1: NEW=1."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Return whether it is on. Raises UserError."""
        try:
            return bool(super().convert(value, param, ctx))
        except click.BadParameter:
            raise UserError(f"{place(param, value, ctx)}: must be 1 or 0") from None


class MeasuresType(click.ParamType[Any]):
    """A text of `RANK_BY`: measures by commas, each with its direction where that is not known."""

    name = "measure"

    def __init__(self, strict: bool) -> None:
        """`strict` refuses what has no known direction; else the trials may have it."""
        self.strict = strict

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text. Raises UserError."""
        try:
            return resolve(value) if self.strict else measures.check_form(value)
        except measures.MeasureError as error:
            raise UserError(f"{place(param, value, ctx)}: {error.rule}") from None

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the measures whose names begin with what stands behind the last comma."""
        before, comma, last = incomplete.rpartition(",")
        names = [name for name in measures.NAMED if name.startswith(last)]
        return [click.shell_completion.CompletionItem(before + comma + name) for name in names]


class PathType(click.Path):
    """A path. The name of an option in its place is an error: the path was forgotten."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the Path. Raises UserError."""
        if str(value).startswith("--"):
            raise UserError(
                f"{place(param, value, ctx)}: must be a path; ./{value} is a file so called"
            )
        return super().convert(value, param, ctx)


def place(param: click.Parameter | None, value: object, ctx: click.Context | None) -> str:
    """Return `NAME=value` for a value of the environment, else `--option value`."""
    if param is None:
        return str(value)
    source = ctx.get_parameter_source(param.name) if ctx and param.name else None
    if source == click.core.ParameterSource.ENVIRONMENT:
        return f"{param.envvar}={value}"
    return f"{param.opts[-1]} {value}"


def given_place(name: str, value: object) -> str:
    """Return the place, as `place` has it, of a value of the parameter `name` that runs now."""
    ctx = click.get_current_context()
    (param,) = (each for each in ctx.command.params if each.name == name)
    return place(param, value, ctx)


def refuse_given(name: str, why: str) -> None:
    """Raise UserError with `why` if an option of the running command was given, not left out."""
    source = click.get_current_context().get_parameter_source(name)
    if source is not click.core.ParameterSource.DEFAULT:
        raise UserError(why)


class FoldersType(click.ParamType[Any]):
    """Folders by commas; a folder whose name has commas is a single one."""

    name = "folder,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[Path]:
        """Return the folders. Raises UserError if a name between commas is empty."""
        if value and Path(value).is_dir():
            return [Path(value)]
        names = [name.strip() for name in value.split(",")]
        if not all(names):
            rule = "names an empty folder; give <folder>,<folder>"
            raise UserError(f"{place(param, value, ctx)}: {rule}")
        return [Path(name) for name in names]


def number_above(low: float) -> Checked:
    """Return the type of finite numbers above `low`."""
    inner = click.FloatRange(low, math.inf, min_open=True, max_open=True)
    return Checked(inner, f"a number above {low:g}")


def number_between(low: float, high: float) -> Checked:
    """Return the type of numbers above `low` and below `high`."""
    inner = click.FloatRange(low, high, min_open=True, max_open=True)
    return Checked(inner, f"a number above {low:g} and below {high:g}")


PATH = PathType()
FOLDERS = FoldersType()
COUNT = Checked(click.IntRange(min=0), "an integer of at least 0; with 0 the machine decides")
MARGINS = Checked(click.FloatRange(0, LARGEST_MARGIN), f"a number from 0 to {LARGEST_MARGIN:g}")
LONGEST_BUDGET = 525_600
"""Minutes of a year."""
LEAST_ALPHA = 1e-9
"""Where 1 minus an error rate still differs from 1, so that its interval has an end."""
MINUTES = Checked(click.FloatRange(0, LONGEST_BUDGET), f"minutes, from 0 to {LONGEST_BUDGET}")
POSITIVE = Checked(click.IntRange(min=1), "an integer of at least 1")


class MakeOption(click.Option):
    """An option that a variable of the environment sets, if what stands there is meant for us."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the text of its variable; None without one, or for what a shell has there."""
        return super().resolve_envvar_value(ctx) if is_ours(str(self.envvar)) else None


def make_option(variable: str, *names: str, **attributes: Any) -> Decorator:
    """Return an option that make sets by a variable of the environment."""
    return click.option(*names, cls=MakeOption, envvar=variable, show_envvar=True, **attributes)


def together(*options: Decorator) -> Decorator:
    """Return one decorator that adds all of `options`, in their order."""

    def decorate(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def take_fields(kind: type[FieldsT], options: dict[str, Any]) -> FieldsT:
    """Return a `kind` of those options that are its fields; `options` has them no longer."""
    return kind(**{field.name: options.pop(field.name) for field in fields(kind)})


parallel = make_option(
    "PARALLEL", "--parallel", type=COUNT, help="trials to run at a time (0: the device decides)"
)
new = make_option(
    "NEW", "--new", is_flag=True, type=Switch(), help="start new results instead of continuing"
)
reuse = make_option(
    "REUSE",
    "--reuse",
    type=Switch(),
    help="take over results of earlier sweeps; 0 trains them again  [default: 1, with NEW=1 0]",
)
pack = make_option(
    "PACK", "--pack", type=COUNT, help="trials to train as one program (0: a short probe decides)"
)
in_process = click.option(
    "--in-process", is_flag=True, help="train in this process, for a debugger"
)
results_of_run = click.option(
    "--output-dir", "output", type=PATH, help="folder of the results  [default: a new one]"
)
sweep_dir = make_option(
    "DIR", "--dir", "folder", type=PATH, help="folder of the sweep  [default: the newest]"
)
alpha = make_option(
    "ALPHA",
    "--alpha",
    type=number_between(LEAST_ALPHA, 1),
    default=ALPHA,
    help="error rate: how often a difference may be seen where there is none",
)
margin = make_option(
    "MARGIN",
    "--margin",
    type=MARGINS,
    default=MARGIN,
    help="differences up to this count as none, in the measure's unit",
)
as_json = make_option("JSON", "--json", is_flag=True, type=Switch(), help="print JSON")
baseline = make_option(
    "BASELINE",
    "--baseline",
    help="what all are compared with: PRUNING_METHOD=magnitude, or config_012",
)
best_per = make_option(
    "BEST_PER",
    "--best-per",
    metavar="SYMBOL,...",
    help="show the best of each value of a swept symbol, at each value of a second one",
)
planned_measure = make_option(
    "RANK_BY",
    "--by",
    type=MeasuresType(strict=True),
    help="measure that is to rank, or several by commas  [default: the plan's]",
)
measure = make_option(
    "RANK_BY",
    "--by",
    type=MeasuresType(strict=False),
    help="measure to rank by, or several by commas  [default: the sweep's]",
)
