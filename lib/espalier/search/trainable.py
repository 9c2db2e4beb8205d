"""Which of the proposed configurations a run would not be refused for, before any is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from espalier.core.errors import UserError
from espalier.plan.sensible_runs import SensibleRuns
from espalier.search.fixed_settings import Conditions
from espalier.search.search_space import Proposal


class TrainableFilter:
    """Lets through what can be trained, and counts the reasons of what cannot.

    A plan leaves out the same. Here that comes before a number of configurations is chosen, so that
    the number is reached.
    """

    def __init__(self, conditions: Conditions) -> None:
        """`conditions` are what all runs of the search share."""
        self._base = conditions.base
        self._runs = SensibleRuns(conditions.data_dir)
        self._reasons: Counter[str] = Counter()
        self._texts: dict[str, str] = {}

    def __call__(self, proposal: Proposal) -> bool:
        """Return whether a run of this configuration would start."""
        refusal = self._runs.refusal({**self._base, **proposal.config})
        if refusal is None:
            return True
        self._reasons[refusal.reason] += 1
        self._texts.setdefault(refusal.reason, str(refusal))
        return False

    def left_out(self) -> Iterator[str]:
        """Yield a line a reason."""
        for reason, count in self._reasons.items():
            yield f"{count} left out: {self._texts[reason]}"

    def require_some(self, proposals: list[Proposal]) -> None:
        """Raise UserError, with the reasons, if none of them is left."""
        if not proposals:
            reasons = "; ".join(self._texts.values())
            raise UserError(f"no configuration of the space can be trained: {reasons}")
