"""`search`: run a scenario of the search guide."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from espalier.commands.options.option_types import (
    PATH,
    POSITIVE,
    Checked,
    OneOf,
    make_option,
    parallel,
)
from espalier.commands.options.placement_options import placement_options, take_placement
from espalier.commands.options.range_options import assignments, read_assignments
from espalier.core import component
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.kconfig import assign, tree
from espalier.kconfig.range_file import Setting
from espalier.kconfig.symbols import Symbols

if TYPE_CHECKING:
    from espalier.search.search_results import SearchResult

Scenario = Callable[..., Any]
SCENARIOS = ("quick", "budget", "compare", "thorough", "pareto")


def default_dataset() -> str:
    """Return the data set of a new configuration."""
    return assign.effective(Symbols(tree.parse()), component.KINDS["dataset"][1])


@click.command()
@make_option(
    "SCENARIO", "--scenario", default=SCENARIOS[0], type=OneOf(SCENARIOS), help="what to search for"
)
@make_option(
    "DATASET",
    "--dataset",
    default=default_dataset,
    show_default="of a new configuration",
    help="data set, a value of CONFIG_DATASET",
)
@make_option("BUDGET", "--budget", help="most parameters; for pareto several, as 500,2000")
@click.option(
    "--epochs",
    "n_epochs",
    type=POSITIVE,
    help="passes over the training data  [default: the scenario's]",
)
@click.option(
    "--trials", type=POSITIVE, help="most configurations to train  [default: the scenario's]"
)
@click.option("--seeds", type=POSITIVE, help="seeds of each configuration, 1 to 5")
@click.option("--lr", type=Checked(click.FLOAT, "a number"), help="learning rate")
@assignments
@click.option("--data-dir", help="folder of the data sets")
@click.option("--output-dir", "output", type=PATH, default=RESULTS, help="folder of the results")
@parallel
@placement_options
def command(scenario: str, budget: str | None, trials: int | None, **options: Any) -> int:
    """Search for the best network within a budget of parameters, and print the results.

    `--set` gives what all of them share, such as the files of a data set of your own.
    """
    from espalier.search.search_results import table

    search, limit = _scenario(scenario)
    options["settings"] = dict(map(_single, read_assignments(options.pop("assignments"))))
    options["placement"] = take_placement(options)
    given = {limit: trials, **_budget(budget, scenario == "pareto"), **options}
    if scenario == "budget":
        name = f"budget_{budget or 'default'}_{options['dataset']}_results.json"
        given["save"] = options["output"] / name
    given = {name: value for name, value in given.items() if value is not None}
    print(table(_listed(search(**given))))
    return 0


def _single(setting: Setting) -> tuple[str, str]:
    """Return a symbol and its one value. Raises UserError for several."""
    if len(setting.values) > 1:
        rule = "a search has one value for all; in Python a space takes several"
        raise setting.error(rule)
    return setting.symbol, setting.values[0]


def _scenario(name: str) -> tuple[Scenario, str]:
    """Return the function of a scenario, and its argument that limits the configurations."""
    from espalier.search import scenarios

    searches: tuple[tuple[Scenario, str], ...] = (
        (scenarios.quick_prototype_search, "max_trials"),
        (scenarios.optimize_for_budget, "n_trials"),
        (scenarios.compare_architectures, "max_trials"),
        (scenarios.thorough_optimization, "n_trials"),
        (scenarios.find_pareto_optimal, "n_trials"),
    )
    return dict(zip(SCENARIOS, searches, strict=True))[name]


def _budget(text: str | None, several: bool) -> dict[str, Any]:
    """Return the budget as an argument of the scenario. Raises UserError."""
    if text is None:
        return {}
    numbers = [_number(part) for part in text.split(",")]
    if several:
        return {"budgets": numbers}
    if len(numbers) > 1:
        raise UserError(f"--budget {text}: must be one number; pareto takes several")
    return {"max_params": numbers[0]}


def _number(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise UserError(f"--budget {text}: must be an integer above 0, as 2000")
    return int(text)


def _listed(results: Any) -> list[SearchResult]:
    """Return the results of a scenario as a list: it returns one, a list, or a dict of them."""
    if isinstance(results, dict):
        return list(results.values())
    return results if isinstance(results, list) else [results]
