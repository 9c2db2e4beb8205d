"""The tree-structured Parzen estimator of Optuna."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.plan.samplers.model_based.startup_sampler import StartupSampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


@kconfig_dataclass
class TpeSampler(StartupSampler):
    """Takes, axis by axis, the value that good configurations have more often than others.

    Trials at work count as bad ones, so that no worker is given what another one tries.

    Source: Bergstra, Bardenet, Bengio and Kégl, Algorithms for Hyper-Parameter Optimization, 2011.
    """

    @override
    def make(self, seed: int) -> BaseSampler:
        from optuna.samplers import TPESampler

        return TPESampler(n_startup_trials=self.startup, constant_liar=True, seed=seed)
