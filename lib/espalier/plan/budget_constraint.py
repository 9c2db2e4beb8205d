"""The budget of parameters as a constraint of the plan.

Under CONFIG_MAX_PARAMS every configuration is counted before it becomes a trial: exactly, and
without building anything. A number of its model that is 0 becomes the largest that fits; what
does not fit is left out, with the reason. Only then are the models imported, and torch with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from espalier.core.errors import UserError
from espalier.core.paths import BASE
from espalier.kconfig import assign
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols

if TYPE_CHECKING:
    from espalier.train.building.budget_fit import BudgetFit

LIMIT = "MAX_PARAMS"
SHARE = "MIN_PARAMS_SHARE"
NO_LIMIT = "0"
DATA_DIR = "DATA_DIR"


class Fitted(NamedTuple):
    """A configuration with its solved numbers, and why it is not a trial, if it is not."""

    config: dict[str, str]
    why: str = ""


@dataclass
class ReachableSizes:
    """What the configurations under one budget come to, in parameters."""

    fits: bool = False
    low: int = 0  # of all counts with the free numbers at 1; 0: nothing was counted
    high: int = 0  # at the largest that makes sense
    why: str = ""  # of the first that did not fit

    def add(self, fit: BudgetFit) -> None:
        """Count one configuration."""
        self.fits = self.fits or not fit.why
        self.why = self.why or fit.why
        if fit.count:
            self.low = min(self.low or fit.low, fit.low)
            self.high = max(self.high, fit.high)


class Budgets:
    """The budgets of one expansion: solves and counts, and remembers what there was."""

    def __init__(self, symbols: Symbols, requests: Requests) -> None:
        self.symbols, self.requests = symbols, requests
        self.solved: set[str] = set()
        """Symbols that a budget gave their numbers."""
        self._reach: dict[tuple[str, str], ReachableSizes] = {}  # by budget and share
        self._fits: dict[tuple[str | None, ...], BudgetFit] = {}
        self._read: dict[tuple[str, ...], tuple[str, ...]] = {}

    def fitted(self, config: dict[str, str]) -> Fitted:
        """Fit the effective `config` into its own budget. Raises UserError for two free numbers."""
        if config.get(LIMIT, NO_LIMIT) == NO_LIMIT:
            return Fitted(config)
        fit = self._fit(config)
        if fit.left:
            raise self._ambiguous(fit.left)
        self._reach.setdefault((config[LIMIT], config[SHARE]), ReachableSizes()).add(fit)
        if fit.why:
            return Fitted(config, fit.why)
        self.solved |= fit.solved.keys()
        return Fitted({**config, **fit.solved})

    def check(self) -> None:
        """Raise UserError if there is a budget that no configuration is within."""
        for (limit, share), reach in self._reach.items():
            if not any(r.fits for (other, _), r in self._reach.items() if other == limit):
                raise UserError(f"{self._place(limit)}: {_describe_reach(limit, share, reach)}")

    def _fit(self, config: Mapping[str, str]) -> BudgetFit:
        from espalier.train.building import budget_fit

        selected = (config["MODEL"], config["DATASET"])
        if selected not in self._read:
            self._read[selected] = budget_fit.symbols_read(config)
        key = tuple(config.get(name) for name in self._read[selected])
        if key not in self._fits:
            folder = BASE / assign.effective(self.symbols, DATA_DIR)
            self._fits[key] = budget_fit.fit_budget(config, folder)
        return self._fits[key]

    def _place(self, limit: str) -> str:
        request = self.requests.get(LIMIT)
        return request.at(limit) if request else f"CONFIG_{LIMIT}={limit}"

    def _ambiguous(self, names: tuple[str, ...]) -> UserError:
        first, *others = names
        request = self.requests.get(first)
        at = request.at("0") if request else f"CONFIG_{first}=0"
        return UserError(
            f"{at}: CONFIG_{others[0]} is 0 too, and a budget has one solution for one number "
            "only; give one of them"
        )


def _describe_reach(limit: str, share: str, reach: ReachableSizes) -> str:
    if not reach.low:
        return f"nothing fits: {reach.why}"
    least = f", {share} of it at least" if float(share) else ""
    return (
        f"no combination has so many parameters{least}; they reach from {reach.low} to "
        f"{reach.high}: change the budget or widen the ranges"
    )
