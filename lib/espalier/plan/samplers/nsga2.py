"""NSGA-II of Optuna."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from espalier.core import component
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.plan.samplers.model_based.model_sampler import ModelSampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


@kconfig_dataclass
class Nsga2Sampler(ModelSampler):
    """Crosses and mutates those that no other beats in all measures, generation by generation.

    Source: Deb, Pratap, Agarwal and Meyarivan, A Fast and Elitist Multiobjective Genetic
    Algorithm: NSGA-II, 2002.
    Differs: 20 of a generation where nothing else is set, since trials are trainings; 50 in Optuna.
    """

    population: int = component.symbol("SAMPLER_POPULATION")

    keeps_state: ClassVar[bool] = True

    @property
    @override
    def first(self) -> int:
        return self.population

    @override
    def make(self, seed: int) -> BaseSampler:
        from optuna.samplers import NSGAIISampler

        return NSGAIISampler(population_size=self.population, seed=seed)
