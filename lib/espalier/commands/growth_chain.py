"""`growth-chain`: from the smallest network that learns to a budget of edges, in one command."""

from __future__ import annotations

from typing import Any

import click

from espalier.commands.options.option_types import POSITIVE, make_option
from espalier.commands.seed_finder import (
    find_smallest,
    read_space,
    search_means,
    seed_options,
)
from espalier.core.errors import UserError
from espalier.core.texts.program_name import MAKE
from espalier.kconfig import range_file, tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import range_requests
from espalier.search import search_runs
from espalier.search.chains import chain_plan, chain_report

GROWTH = "defconfigs/growth-chain-range"
"""The range file that says how to grow, by default."""
BUDGET_SYMBOL = "INDEFINITE_MOST"


@click.command()
@seed_options
@make_option(
    "GROWTH", "--growth", default=GROWTH, show_default=True, help="range file of how it grows"
)
@make_option(
    "BUDGET",
    "--budget",
    type=POSITIVE,
    help=f"live edges at which growth ends: CONFIG_{BUDGET_SYMBOL}",
)
def command(growth: str, budget: int | None, **options: Any) -> int:
    """Find the smallest network that learns, and grow it to a budget.

    Searches as `seed-finder` does. Then each seed grows from its own weights, and from fresh ones
    as a control: it trains until it is stuck, looks for units that stand out, enlarges the network
    there, and goes on. Every step is a sweep; the same command continues a chain that was stopped.
    The exit code is 0 if a network learns and every trial passed, else 1.
    """
    file, space = range_requests.find(growth), read_space(**options)
    over = [range_file.assign(BUDGET_SYMBOL, str(budget), "--budget")] if budget else []
    chain_plan.check_growth(space, file, over)
    smallest = find_smallest(space, **options)
    if smallest is None:
        return 1
    if budget and budget <= smallest.edges:
        rule = f"must be above the {smallest.edges:g} live edges of the smallest that learns"
        raise UserError(f"BUDGET={budget}: {rule}")
    weights, symbols = smallest.trials.weights, Symbols(tree.parse())
    plan = chain_plan.plan_growth(smallest.file, weights, file, over, symbols)
    print(f"{growth}: {len(plan.trials)} trials grow from {smallest.name}", flush=True)
    folder, results = search_runs.run(plan, search_means(options))
    every = chain_plan.arms(results, [str(axis["symbol"]) for axis in plan.axes])
    print("\n" + chain_report.render_chain(smallest.name, smallest.edges, every), end="")
    chain = options["output_dir"] / f"chain_{plan.plan_id}"
    print("\n".join(map(str, chain_report.write(smallest.name, smallest.edges, every, chain))))
    print(f"{MAKE} report DIR={folder}")
    return 0 if all(item.measure("val_acc") is not None for item in results) else 1
