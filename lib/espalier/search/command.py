"""`search`: a scenario of the search guide from the command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from espalier import component
from espalier.errors import UserError
from espalier.kconfig import assign, tree
from espalier.kconfig.symbols import Symbols
from espalier.paths import RESULTS
from espalier.search import results, scenarios
from espalier.search.results import SearchResult

Scenario = Callable[..., Any]
SCENARIOS: Mapping[str, Scenario] = {
    "quick": scenarios.quick_prototype_search,
    "budget": scenarios.optimize_for_budget,
    "compare": scenarios.compare_architectures,
    "thorough": scenarios.thorough_optimization,
    "pareto": scenarios.find_pareto_optimal,
}
GRIDS = {scenarios.quick_prototype_search, scenarios.compare_architectures}
"""Those that take at most so many configurations of a grid; the others draw so many."""


def main(argv: list[str]) -> int:
    """Search within a budget of parameters, and print what was found."""
    parser = argparse.ArgumentParser(prog="search", description=main.__doc__)
    add = parser.add_argument
    add("--scenario", required=True, help=" or ".join(SCENARIOS))
    add("--dataset", default=usual_dataset(), help="(default: %(default)s)")
    add("--budget", help="most parameters; of pareto several, as 500,2000")
    add("--epochs", type=int, help="passes over the training data (default: the scenario's)")
    add("--trials", type=int, help="most configurations of a space (default: the scenario's)")
    add("--seeds", type=int, help="seeds of each configuration, 1 to 5")
    add("--lr", type=float, help="learning rate")
    add("--data-dir", help="folder of the data sets")
    add("--output-dir", default=str(RESULTS), help="folder of the results (default: %(default)s)")
    add("--parallel", type=int, default=os.environ.get("PARALLEL") or 0, help="trials at a time")
    args = parser.parse_args(argv)
    if args.scenario not in SCENARIOS:
        rule = f"must be one of {', '.join(SCENARIOS)}"
        raise UserError(f"--scenario {args.scenario}: {rule}")
    found = SCENARIOS[args.scenario](**_options(args, SCENARIOS[args.scenario]))
    print(results.table(_listed(found)))
    return 0


def usual_dataset() -> str:
    """The data set of a configuration that does not say."""
    return assign.effective(Symbols(tree.parse()), component.KINDS["dataset"][1])


def _options(args: argparse.Namespace, scenario: Scenario) -> dict[str, Any]:
    """What is given, by the scenario's names."""
    given = {
        "dataset": args.dataset,
        "n_epochs": args.epochs,
        "max_trials" if scenario in GRIDS else "n_trials": args.trials,
        "seeds": args.seeds,
        "lr": args.lr,
        "data_dir": args.data_dir,
        "output": args.output_dir,
        "parallel": args.parallel,
        **_budget(args, scenario),
    }
    return {name: value for name, value in given.items() if value is not None}


def _budget(args: argparse.Namespace, scenario: Scenario) -> dict[str, Any]:
    name = args.budget or "default"
    saved = Path(args.output_dir) / f"budget_{name}_{args.dataset}_results.json"
    found: dict[str, Any] = {"save": saved} if scenario is scenarios.optimize_for_budget else {}
    if args.budget is None:
        return found
    numbers = [_number(part) for part in args.budget.split(",")]
    several = scenario is scenarios.find_pareto_optimal
    if len(numbers) > 1 and not several:
        raise UserError(f"--budget {args.budget}: must be one number; pareto takes several")
    return {"budgets": numbers} if several else {"max_params": numbers[0], **found}


def _number(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise UserError(f"--budget {text}: must be an integer above 0, as 2000")
    return int(text)


def _listed(
    found: SearchResult | list[SearchResult] | dict[str, SearchResult],
) -> list[SearchResult]:
    if isinstance(found, SearchResult):
        return [found]
    return list(found.values()) if isinstance(found, dict) else found
