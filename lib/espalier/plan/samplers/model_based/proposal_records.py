"""The records of what a sampler that learns has proposed, as the design in the header of a plan.

They are all that such a sampler goes on from: it keeps no state of its own between two runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from espalier.core.records import JsonRecord

Value = float | int | str


@dataclass(frozen=True, kw_only=True)
class ProposalRecord(JsonRecord):
    """A configuration that a sampler proposed, as it was asked for.

    `ask` counts the questions to the sampler from 0; those between two proposals gave nothing new.
    `trial` is the id of its trial with the first seeds. `params` has, by the name of a parameter,
    its value and the place of its distribution among those of the sampler. `told` are the asks
    whose results the sampler was told right before, in that order.
    """

    ask: int
    trial: str
    params: Mapping[str, tuple[Value, int]] = field(default_factory=dict)
    told: list[int] | None = None

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the record of a JSON object."""
        params = {name: (value, place) for name, (value, place) in record["params"].items()}
        return super().from_json({**record, "params": params})


@dataclass(frozen=True, kw_only=True)
class SamplerRecord(JsonRecord):
    """A sampler that learns, what it chooses from, and what it has proposed, in order.

    `trials` is how many configurations there are to be, each with every seed. `requests` are the
    lines of the range files, as they were merged. `distributions` are those of Optuna, as JSON.
    `repeated` counts the asks that gave a configuration again, `refused` those whose configuration
    would not run. `ended` says why no more than these are proposed.
    """

    sampler: str
    seed: int
    trials: int
    requests: list[str] = field(default_factory=list)
    distributions: list[str] = field(default_factory=list)
    proposals: list[ProposalRecord] = field(default_factory=list)
    repeated: int = 0
    refused: int = 0
    ended: str | None = None

    @property
    def asks(self) -> int:
        """How often the sampler was asked."""
        return len(self.proposals) + self.repeated + self.refused

    @property
    def complete(self) -> bool:
        """Whether nothing more is to be proposed."""
        return self.ended is not None or len(self.proposals) >= self.trials

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {**super().as_json(), "proposals": [each.as_json() for each in self.proposals]}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the record of a JSON object."""
        proposals = [ProposalRecord.from_json(each) for each in record["proposals"]]
        return super().from_json({**record, "proposals": proposals})

    @classmethod
    def of(cls, design: Mapping[str, Any]) -> Self | None:
        """Return the record that a design is; None for that of a sampler that does not learn."""
        return cls.from_json(design) if "proposals" in design else None
