"""The Sobol sampler: points that fill a space more evenly than random ones.

Source: Sobol 1967, "On the distribution of points in a cube and the approximate evaluation of
integrals"; Owen 1998, "Scrambling Sobol and Niederreiter-Xing points"; points are scipy's.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from typing_extensions import override

from espalier.core import component
from espalier.core.trial import Record
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.kconfig.requests import Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan.expand import Expansion
from espalier.plan.samplers import draws
from espalier.plan.samplers.axes import Axis, Choose, Options, at_share
from espalier.plan.samplers.sampler import Sampler
from espalier.plan.samplers.space import Space


@kconfig_dataclass
class Sobol(Sampler):
    """Takes the first scrambled points; each axis has a coordinate of its own."""

    trials: int = component.symbol("SAMPLER_TRIALS")
    seed: int = component.symbol("SAMPLER_SEED")

    @override
    def sample(
        self, symbols: Symbols, requested: Requests, limit: int | None, strict: bool
    ) -> Expansion:
        """Walk the space by each point in turn; points that come to nothing new are counted."""
        space = Space(symbols, requested)
        points = _points(max(1, len(space.axes)), self.seed)
        drawn = draws.draw(space, (_by_point(space, point) for point in points), self.trials, limit)
        return draws.expansion(space, drawn, limit, strict, self._design())

    def _design(self) -> Record:
        design = {"sampler": "sobol", "seed": self.seed}
        lower = 1 << self.trials.bit_length() - 1
        if lower == self.trials:
            return design
        return {**design, "advice": f"a power of two is spread best: {lower} or {2 * lower}"}


def _by_point(space: Space, point: np.ndarray) -> Choose:
    shares = {axis.name: float(share) for axis, share in zip(space.axes, point, strict=False)}

    def choose(axis: Axis, options: Options) -> str:
        return at_share(options, shares[axis.name])

    return choose


def _points(dimensions: int, seed: int) -> Iterator[np.ndarray]:
    """Yield scrambled points of [0, 1)^dimensions, without end."""
    from scipy.stats import qmc  # takes a second to import

    engine = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
    while True:
        yield engine.random(1)[0]
