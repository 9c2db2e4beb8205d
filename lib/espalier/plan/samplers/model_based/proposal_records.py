"""The records of what a sampler that learns has proposed, as the design in the header of a plan.

They are all that such a sampler goes on from: it keeps no state of its own between two runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from espalier.core.decoding import ContentError, check_fields
from espalier.core.records import JsonRecord

Value = float | int | str


@dataclass(frozen=True, kw_only=True)
class ProposalRecord(JsonRecord):
    """A configuration that a sampler proposed, as it was asked for.

    `ask` counts the questions to the sampler from 0; those between two proposals gave nothing new.
    `trial` is the id of its trial with the first seeds. `values` are those of its parameters, and
    `of` the place of each one's distribution among those of the sampler. `observed` are the asks
    whose results the sampler was told right before, in that order.
    """

    ask: int
    trial: str
    values: Mapping[str, Value] = field(default_factory=dict)
    of: Mapping[str, int] = field(default_factory=dict)
    observed: list[int] | None = None


@dataclass(frozen=True, kw_only=True)
class SamplerRecord(JsonRecord):
    """A sampler that learns, what it chooses from, and what it has proposed, in order.

    `trials` is how many configurations there are to be, each with every seed. `requests` are the
    lines of the range files, as they were merged. `distributions` are those of Optuna, as JSON.
    `repeated` counts the asks that gave a configuration again, `refused` those whose configuration
    would not run. It is `exhausted` if it proposes nothing new any more.
    """

    sampler: str
    seed: int
    trials: int
    requests: list[str] = field(default_factory=list)
    distributions: list[str] = field(default_factory=list)
    proposals: list[ProposalRecord] = field(default_factory=list)
    repeated: int = 0
    refused: int = 0
    exhausted: bool = False

    @property
    def asks(self) -> int:
        """How often the sampler was asked."""
        return len(self.proposals) + self.repeated + self.refused

    @property
    def complete(self) -> bool:
        """Whether nothing more is to be proposed."""
        return self.exhausted or len(self.proposals) >= self.trials

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {**super().as_json(), "proposals": [each.as_json() for each in self.proposals]}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the record of a JSON object. Raises ContentError, TypeError if it is none."""
        proposals = [ProposalRecord.from_json(each) for each in record["proposals"]]
        made = super().from_json({**record, "proposals": proposals})
        for each in (made, *proposals):
            check_fields(type(each), list(vars(each).values()))
        made._check()
        return made

    def _check(self) -> None:
        """Raise ContentError unless the proposals follow from each other."""
        if not self.sampler.isidentifier() or not self.proposals:
            raise ContentError("design: must have a sampler and proposals")
        asks = [each.ask for each in self.proposals]
        if asks != sorted({*asks}) or not 0 <= asks[0] <= asks[-1] < self.asks:
            raise ContentError("design: must have its asks in order")
        waiting: set[int] = set()
        for each in self.proposals:
            observed = set(each.observed or ())
            if not observed <= waiting or len(observed) < len(each.observed or ()):
                raise ContentError(f"design: ask {each.ask} is told what is not open")
            waiting = waiting - observed | {each.ask}
            self._check_values(each)

    def _check_values(self, proposal: ProposalRecord) -> None:
        places = range(len(self.distributions))
        if proposal.of.keys() != proposal.values.keys() or any(
            place not in places for place in proposal.of.values()
        ):
            raise ContentError("design: must have a distribution for each value")

    @classmethod
    def of(cls, design: Mapping[str, Any]) -> Self | None:
        """Return the record that a design is; None for that of a sampler that does not learn."""
        return cls.from_json(design) if "proposals" in design else None
