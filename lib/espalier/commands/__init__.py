"""The verbs of the command line, one file each: `sweep-run` is `commands/sweeps/sweep_run.py`.

The verbs have the names of make's targets.

The file of a verb parses with click, calls the library and prints. It defines `command`, which
returns the exit code. What needs torch is imported inside of functions, so that `--help` is fast.
"""

from __future__ import annotations

SWEEPS = {
    "export": "Write a sweep for TensorBoard, MLflow, Trackio, W&B, CSV",
    "figures": "Draw the figures of a sweep, for papers and talks",
    "race": "Train seed by seed until it is known which is best",
    "report": "Write report.html and the other reports of a sweep again",
    "sweep-again": "Run trials of a sweep again",
    "sweep-compare": "Compare two sweeps, configuration by configuration",
    "sweep-estimate": "Estimate the time and disk space of a sweep",
    "sweep-focus": "Plan a sweep around a configuration of a finished one",
    "sweep-generate": "Expand range files into the trials of a sweep",
    "sweep-ladder": "Find where results fall off along a swept number",
    "sweep-leaderboard": "Print the best configurations of a sweep",
    "sweep-lineage": "Draw which neurons descend from which",
    "sweep-list": "List all sweeps, or those that a query is about",
    "sweep-note": "Change the note or the tags of a sweep",
    "sweep-rebuild": "Make a damaged store again from the files of its sweep",
    "sweep-run": "Run the plan of a sweep, or continue it",
    "sweep-status": "Show the progress of a sweep",
    "sweep-watch": "Show a running sweep from another terminal",
    "table": "Write the ranking of a sweep as LaTeX, Markdown or CSV",
    "verdict": "Answer whether A is better than B, with an error rate",
}
"""The short help of each verb of `commands/sweeps`."""
TARGETS = {
    "check-external": "The contracts for a tree of one's own, and its tests",
    "diffconfig": "Compare two configurations: FROM=.config.old TO=.config",
    "help": "List the verbs",
    "sweep": "sweep-generate, then sweep-run",
    "sweep-clean": "Remove sweep_configs/ and its drafts, never results",
}
"""The short help of each verb of `commands/targets`, which make has recipes for."""
SAME = {"all": "train", "sweep-parallel": "sweep"}
"""Names of make for verbs that have another one."""
CONFIGURATORS = {
    "menuconfig": "Change the configuration in menus",
    "nconfig": "The same",
    "oldconfig": "Answer only what the configuration leaves open",
    "olddefconfig": "Give new symbols their defaults without asking",
    "defconfig": "New configuration with every default; <name>_defconfig: of a preset",
    "alldefconfig": "New configuration with every default",
    "list-defconfigs": "List the presets and range files",
    "savedefconfig": "Save what differs from the defaults to ./defconfig",
    "listnewconfig": "List the symbols that the configuration leaves open",
    "helpnewconfig": "The same, with their help texts",
    "allnoconfig": "New configuration with every option off that can be",
    "allyesconfig": "New configuration with every option on that can be",
    "randconfig": "New random configuration",
}
"""The short help of each target of `config` that is a verb by itself."""
VERBS = {
    "config": "Answer every question, line by line",
    "evaluate": "Measure a saved model on its data set",
    "growth-chain": "Grow the smallest network that learns to a budget",
    "import-config": "Write a preset of another program in our symbols",
    "lint": "Check the Kconfig tree, by itself and against the code",
    "new": "Write the files of a new component, with a test",
    "remap": "Rename the tensors of a file as a model names them",
    "resume": "Continue a trial from a snapshot, in a new sweep",
    "search": "Search for the best network within a budget of parameters",
    "seed-finder": "Find the smallest network that learns",
    "train": "Train the configuration: one trial, or a test matrix",
    "validate": "Check the configuration's model and data",
    **TARGETS,
    **SWEEPS,
}
"""The short help of each verb, which `python -m espalier --help` lists."""
