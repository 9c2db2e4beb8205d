"""Growth by tournament: at each event the action with the largest gain for each edge it adds.

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
from espalier.methods.growth.action_tournament import ActionSpace, TournamentOptions, apply, record
from espalier.methods.growth.growing_method import GrowingMethod, write_table
from espalier.methods.growth.structure.edge_editor import EdgeEditor
from espalier.methods.growth.timing.growth_state import GrowthState, Memory

TABLE = "tournament.csv"
"""The file name of the table of all entries in a trial's folder."""


@dataclass
class TournamentMemory(Memory):
    """The lines of the table of all entries so far, and the updates in their trials."""

    entrants: list[dict[str, Any]] = field(default_factory=list)
    trial_updates: int = 0


@kconfig_dataclass
class Tournament(GrowingMethod[TournamentMemory]):
    """Try all actions and do the winner's; with `pick` random, do any of them untried."""

    actions: ActionSpace
    pick: Literal["best", "random"]
    options: TournamentOptions | None

    @override
    def begin(self, editor: EdgeEditor) -> TournamentMemory:
        editor.allow_rollback()
        return TournamentMemory()

    @override
    def act(self, run: Run[GrowthState[TournamentMemory]], max_edges: int) -> None:
        if self.options is None:
            self.actions.act_at_random(run, max_edges)
            return
        memory, min_gain = run.method_state.memory, self.options.min_gain
        entries = self.options.try_all(run, self.actions.candidates(run, max_edges))
        best = self.options.winner(entries, max_edges)
        lines = [record(run.step, e, e.p_value(min_gain), e is best) for e in entries]
        memory.entrants = [*memory.entrants, *lines]
        memory.trial_updates += self.options.steps * len(entries)
        if best is not None:
            apply(run, best)

    @override
    def measures(self, run: Run[GrowthState[TournamentMemory]]) -> Measures:
        """Return `tournaments_declined`, the events at which doing nothing won, and others.

        `trial_updates` are those in trials, beside the run's own; `actions_left_out` are those that
        this network has no graph for.
        """
        state = run.method_state
        left_out = self.actions.left_out(state.editor)
        return {
            **super().measures(run),
            "tournaments_declined": state.num_events - len(state.steps),
            "trial_updates": state.memory.trial_updates,
            **({"actions_left_out": left_out} if left_out else {}),
        }

    @override
    def write(self, run: Run[GrowthState[TournamentMemory]], folder: Path) -> None:
        """Write all entries too, a line each, to `tournament.csv`."""
        super().write(run, folder)
        write_table(folder / TABLE, run.method_state.memory.entrants)
