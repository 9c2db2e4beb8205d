"""The verbs of the command line, one file each: `sweep-run` is `commands/sweep_run.py`.

A verb's file parses with click, calls the library and prints. It defines `command`, which returns
the exit code. Whatever needs torch is imported inside the function, so that `--help` does not.
"""

from __future__ import annotations

VERBS = {
    "config": "Make, change or compare configurations",
    "evaluate": "Measure a saved model on its data set",
    "lint": "Check the Kconfig tree against itself and the code",
    "remap": "Rename the tensors of a file as a model has them",
    "resume": "Go on from a snapshot of a trial, in a sweep of its own",
    "search": "Search for the best network within a budget of parameters",
    "seed-finder": "Find the smallest network that learns",
    "sweep-estimate": "Say how long a sweep takes, before it runs",
    "sweep-focus": "Plan a sweep around a configuration of a finished one",
    "sweep-generate": "Expand range files into the trials of a sweep",
    "sweep-ladder": "Find where on one swept number the results fall off",
    "sweep-leaderboard": "Print the best configurations of a sweep",
    "sweep-lineage": "Draw which neurons descend from which",
    "sweep-run": "Run a plan, or go on with it",
    "sweep-status": "Say how far a sweep is",
    "train": "Train the configuration: one trial, or a test matrix",
    "validate": "Check the configuration's model and data",
}
"""The short help of each verb, as `python -m espalier --help` lists them."""
