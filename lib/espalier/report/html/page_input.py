"""What a page is made from: a sweep as its store has it, ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from espalier.analysis import controls
from espalier.analysis.arms import in_plan_order
from espalier.analysis.claims.claim_judging import JudgedClaims, judge
from espalier.analysis.comparing.against_baseline import AgainstBaseline
from espalier.analysis.controls import Comparison
from espalier.analysis.race_standing import RaceStanding, standing
from espalier.analysis.rank import Configuration, Ranking, TrialResult
from espalier.analysis.stopping.rung_standing import StopStanding, stop_standing
from espalier.core.records import PlanHeader
from espalier.plan.stopping.stop_rules import stop_rules
from espalier.report.tables.ranking_cells import CellTable


@dataclass(frozen=True)
class PageInput:
    """A sweep: its folder, its header, its trials as they stand, their folders, the ranking.

    `running` says whether it goes on, so that the page is written again; `written` is when it was,
    in seconds since 1970. `beside` has all beside a baseline, and `best_per` the best of each value
    of a symbol, if these are given. `inputs` is a hash of all that its reports are made from.
    """

    folder: Path
    header: PlanHeader
    results: Sequence[TrialResult]
    directories: Mapping[int, str]
    ranking: Ranking
    written: float
    beside: AgainstBaseline | None = None
    best_per: CellTable | None = None
    running: bool = False
    inputs: str = ""

    @cached_property
    def every(self) -> list[Configuration]:
        """All configurations, in plan order."""
        return in_plan_order(self.ranking.configurations)

    @cached_property
    def places(self) -> dict[int, int]:
        """The place of each configuration among `every`, by its `id()`."""
        return {id(item): place for place, item in enumerate(self.every)}

    @cached_property
    def compared(self) -> list[Comparison]:
        """Every configuration with each of its controls."""
        return controls.comparisons(self.ranking, self.header.controls)

    @cached_property
    def judged(self) -> JudgedClaims | None:
        """The claims of the sweep, if it has any."""
        return judge(self.header, self.results)

    @cached_property
    def stopping(self) -> StopStanding | None:
        """What was stopped where, if configurations stop early."""
        rules = stop_rules(self.header.settings)
        return None if rules is None else stop_standing(self.results, rules)

    @cached_property
    def race(self) -> RaceStanding | None:
        """How it stands if it is a race."""
        return None if self.header.race is None else standing(self.results, self.header.race)
