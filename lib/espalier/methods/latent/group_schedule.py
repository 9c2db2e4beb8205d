"""The groups of N:M sparsity, whose masks are chosen anew after every update."""

from __future__ import annotations

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class GroupSchedule(RunSchedule):
    """Of every `m` inputs in a row `n` stay."""

    n: int = symbol("NM_N")
    m: int = symbol("NM_M")

    @override
    def check_epochs(self, epochs: int) -> None:
        """Raise CannotTrain unless something of a group is masked, in a run of any length."""
        if self.n >= self.m:
            raise CannotTrain(
                "groups_stay_whole",
                f"CONFIG_NM_N={self.n} of CONFIG_NM_M={self.m} inputs leaves nothing to mask: "
                "the first must be the smaller",
            )
