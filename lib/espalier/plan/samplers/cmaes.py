"""The covariance matrix adaptation strategy of Optuna."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.plan.samplers.model_based.startup_sampler import StartupSampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


@kconfig_dataclass
class CmaesSampler(StartupSampler):
    """Draws around a mean, and moves mean and covariance towards the better half.

    It knows the axes of numbers that all configurations so far have; others are drawn at random.

    Source: Hansen, The CMA Evolution Strategy: A Tutorial, 2016.
    """

    needs: ClassVar[tuple[str, ...]] = ("optuna", "cmaes")
    keeps_state: ClassVar[bool] = True
    most_measures: ClassVar[int] = 1

    @override
    def make(self, seed: int) -> BaseSampler:
        from optuna.samplers import CmaEsSampler

        return CmaEsSampler(
            n_startup_trials=self.startup, warn_independent_sampling=False, seed=seed
        )
