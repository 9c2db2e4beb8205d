"""At each moment the action that gains most for each edge it adds, if any gains at all.

Source: Wu et al. 2020, "Firefly neural architecture descent", arXiv 2102.08574.
Differs: see `espalier.methods.growth.action_tournament`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from typing_extensions import override

from espalier.core.contracts import Run
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.masked_blocks import Blocks
from espalier.methods.growth.action_tournament import ActionSpace, TournamentOptions, apply, record
from espalier.methods.growth.growing_method import GrowingMethod, tabulate
from espalier.methods.growth.timing.growth_state import GrowthState, Memory

TABLE = "tournament.csv"
"""What the table of all entrants is called in a trial's folder."""


@dataclass
class Entrants(Memory):
    """The lines of the table of all entrants so far."""

    entrants: list[dict[str, Any]] = field(default_factory=list)


@kconfig_dataclass
class Tournament(GrowingMethod[Entrants]):
    """Tries all actions and does the winner's; `pick` random does one of them, untried."""

    field: ActionSpace
    pick: Literal["best", "random"]
    trials: TournamentOptions | None

    @override
    def begin(self, net: Blocks) -> Entrants:
        return Entrants()

    @override
    def act(self, run: Run[GrowthState[Entrants]], most: int) -> None:
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
    def measures(self, run: Run[GrowthState[Entrants]]) -> Measures:
        """`tournaments_declined` are the moments at which doing nothing won."""
        state = run.method_state
        return {**super().measures(run), "tournaments_declined": state.moments - len(state.steps)}

    @override
    def write(self, run: Run[GrowthState[Entrants]], folder: Path) -> None:
        """All entrants too, a line each, as `tournament.csv`."""
        super().write(run, folder)
        tabulate(folder / TABLE, run.method_state.memory.entrants)
