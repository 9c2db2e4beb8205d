"""The Gaussian process of Optuna."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.plan.samplers.model_based.startup_sampler import StartupSampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


@kconfig_dataclass
class GpSampler(StartupSampler):
    """Proposes where a Gaussian process over the axes expects most improvement.

    It knows the axes that all configurations so far have; others are drawn at random.

    Source: Ament et al., Unexpected Improvements to Expected Improvement for Bayesian
    Optimization, 2023, and Optuna's GPSampler.
    """

    needs: ClassVar[tuple[str, ...]] = ("optuna", "torch")

    @override
    def make(self, seed: int) -> BaseSampler:
        from optuna.samplers import GPSampler

        return GPSampler(seed=seed, n_startup_trials=self.startup, warn_independent_sampling=False)
