"""At each moment the action that gains most for each edge it adds, if any gains at all.

Source: Wu et al. 2020, "Firefly neural architecture descent", arXiv 2102.08574.
Differs: see `espalier.growth.tournament`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from espalier.contracts import Run
from espalier.growth.growing import GrowingMethod, Grown, tabulate
from espalier.growth.tournament import Field, Trials, apply, record
from espalier.kconfig.options import kconfig_dataclass

TABLE = "tournament.csv"
"""What the table of all entrants is called in a trial's folder."""


@kconfig_dataclass
class Tournament(GrowingMethod):
    """Tries all actions and does the winner's; `pick` random does one of them, untried."""

    field: Field
    pick: Literal["best", "random"]
    trials: Trials | None

    def attach(self, run: Run) -> None:  # noqa: D102
        super().attach(run)
        run.method_state.memory["entrants"] = []

    def act(self, run: Run, most: int) -> None:  # noqa: D102
        if self.trials is None:
            self.field.anything(run, most)
            return
        state: Grown = run.method_state
        entrants = self.trials.entrants(run, self.field.actions(run, most))
        won = self.trials.winner(entrants, most)
        lines = [record(run.step, one, one.p(self.trials.least), one is won) for one in entrants]
        state.memory["entrants"] = [*state.memory["entrants"], *lines]
        if won is not None:
            apply(run, won)

    def measures(self, run: Run) -> dict[str, Any]:
        """`tournaments_declined` are the moments at which doing nothing won."""
        state: Grown = run.method_state
        return {**super().measures(run), "tournaments_declined": state.moments - len(state.steps)}

    def write(self, run: Run, folder: Path) -> None:
        """All entrants too, a line each, as `tournament.csv`."""
        super().write(run, folder)
        tabulate(folder / TABLE, run.method_state.memory["entrants"])
