"""At each moment the action that gains most for each edge it adds, if any gains at all.

Source: Wu et al. 2020, "Firefly neural architecture descent", arXiv 2102.08574.
Differs: see `espalier.growth.tournament`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from typing_extensions import override

from espalier.contracts import Run
from espalier.growth.blocks import Blocks
from espalier.growth.growing import GrowingMethod, tabulate
from espalier.growth.growth_state import Grown, Memory
from espalier.growth.tournament import Field, Trials, apply, record
from espalier.kconfig.options import kconfig_dataclass
from espalier.measured import Measures

TABLE = "tournament.csv"
"""What the table of all entrants is called in a trial's folder."""


@dataclass
class Entrants(Memory):
    """The lines of the table of all entrants so far."""

    entrants: list[dict[str, Any]] = field(default_factory=list)


@kconfig_dataclass
class Tournament(GrowingMethod[Entrants]):
    """Tries all actions and does the winner's; `pick` random does one of them, untried."""

    field: Field
    pick: Literal["best", "random"]
    trials: Trials | None

    @override
    def begin(self, net: Blocks) -> Entrants:
        return Entrants()

    @override
    def act(self, run: Run[Grown[Entrants]], most: int) -> None:
        if self.trials is None:
            self.field.anything(run, most)
            return
        state = run.method_state
        entrants = self.trials.entrants(run, self.field.actions(run, most))
        won = self.trials.winner(entrants, most)
        lines = [record(run.step, one, one.p(self.trials.least), one is won) for one in entrants]
        state.memory.entrants = [*state.memory.entrants, *lines]
        if won is not None:
            apply(run, won)

    @override
    def measures(self, run: Run[Grown[Entrants]]) -> Measures:
        """`tournaments_declined` are the moments at which doing nothing won."""
        state = run.method_state
        return {**super().measures(run), "tournaments_declined": state.moments - len(state.steps)}

    @override
    def write(self, run: Run[Grown[Entrants]], folder: Path) -> None:
        """All entrants too, a line each, as `tournament.csv`."""
        super().write(run, folder)
        tabulate(folder / TABLE, run.method_state.memory.entrants)
