"""Whether trials that were planned earlier mean today what they meant then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.paths import ROOT
from espalier.core.records import PlanHeader
from espalier.core.trees.needed_trees import check_trees
from espalier.core.trial import Trial
from espalier.kconfig import assign, tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import staleness
from espalier.scripts import script_knobs


def check_still_valid(
    header: PlanHeader, trials: Iterable[Trial], folder: Path, root: Path = ROOT
) -> None:
    """Raise UserError if the Kconfig tree has changed and with it one of the trials in `folder`.

    Raises it too if a tree outside is not given that they were planned with.
    """
    trials = list(trials)
    if not header.kconfig or not trials:
        return
    check_trees(header.trees, str(folder))
    script_knobs.use_of_settings(header.settings)
    symbols = Symbols(tree.parse(root))
    if header.kconfig == staleness.kconfig_hash(symbols):
        return
    symbols.kconf.warn = False
    settings = {name: value for name, value in header.settings.items() if name in symbols}
    for trial in trials:
        if not _stands(symbols, settings, trial.config):
            raise UserError(
                f"{folder}: {trial.name} is no configuration of today's Kconfig tree any more; "
                "check out the commit that its results name, or plan again with sweep-generate"
            )


def _stands(symbols: Symbols, settings: Mapping[str, str], config: Mapping[str, str]) -> bool:
    symbols.kconf.unset_values()
    try:
        assign.load(symbols, settings)
        assign.load(symbols, config)
    except UserError:  # a symbol, or a member of a choice, that is gone
        return False
    planned = assign.without_absent(symbols, config)
    return assign.effective_config(symbols, symbols.identity) == planned
