#!/usr/bin/env python3
"""The scenarios of the search guide, by name. Run as a program, all of them on digits.

It takes the options of `search --help`; `--trials 5 --epochs 2 --seeds 1` makes it short. As with
make, the results and all paths are relative to the checkout, wherever this is started. A program
that imports this ends with one line where it gets bad input or has no data.
"""

import os
import sys

from espalier.__main__ import main
from espalier.core.paths import ROOT
from espalier.search import api_words
from espalier.search.scenarios import (
    compare_architectures,
    find_pareto_optimal,
    optimize_for_budget,
    quick_prototype_search,
    thorough_optimization,
)

__all__ = [
    "compare_architectures",
    "find_pareto_optimal",
    "optimize_for_budget",
    "quick_prototype_search",
    "thorough_optimization",
]

api_words.report_in_one_line()

if __name__ == "__main__":
    os.chdir(ROOT)
    for scenario in ("quick", "budget", "compare", "thorough", "pareto"):
        if code := main(["search", "--scenario", scenario, *sys.argv[1:]]):
            sys.exit(code)
