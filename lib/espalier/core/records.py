"""The records that files hold, with a field for each key: plan header, provenance, epoch.

A field that is None is left out of the file. Keys of older or newer versions, which no field
stands for, are kept in `more`, so that a file that is read and written again loses nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

PLAN_SCHEMA = 1
"""The version of plan.jsonl."""
SEEDS = 2**31
"""CONFIG_SEED is below this."""
FIRST_SEEDS = 3
"""Seeds that every configuration gets before the first decision."""
LONGEST_RACE = 10_000
"""Seeds of a race, at most."""


@dataclass(frozen=True, kw_only=True)
class JsonRecord:
    """A JSON object with named fields, and `more` for its other keys."""

    more: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object: the fields that are set, in their order, then the others."""
        own = {name: value for name, value in vars(self).items() if value is not None}
        del own["more"]
        return {**own, **self.more}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the record that `as_json` gave this JSON object for."""
        names = cls.__dataclass_fields__
        own = {name: value for name, value in record.items() if name in names and name != "more"}
        more = {name: value for name, value in record.items() if name not in own}
        return cls(**own, more=more)


@dataclass(frozen=True, kw_only=True)
class ClaimSeal(JsonRecord):
    """The claims of a plan, as they stood at one time, with what they are judged by.

    `alpha` is the error rate of all of them together, `max_seeds` how many seeds they are judged
    with, `sha256` a hash of these three, `place` the line of a file that has them. A store adds
    `sealed`, when it got them (seconds since 1970), and `ended`: the numbers of the trials that had
    ended by then, in it or in a sweep beside it.
    """

    claims: list[str] = field(default_factory=list)
    alpha: str = ""
    max_seeds: int = 0
    sha256: str = ""
    place: str = ""
    sealed: float | None = None
    ended: list[int] | None = None


@dataclass(frozen=True, kw_only=True)
class PlanOrigin(JsonRecord):
    """Where the trials of a sweep come from. `axes` have keys `symbol` and `values`.

    `settings` are the effective symbols outside a trial's identity. `sources` are the files it
    was made from, with keys `path` (relative to the checkout where possible) and `sha256`;
    `kconfig` is the hash of the tree, `files` that of all config_NNN in order. `counts` are
    combinations, trials, invalid, inactive and same; `dropped` has one record a reason.
    `design` is empty for a grid; of an array it has keys array, rows, combinations, strength and
    axes (symbol and columns), of a draw sampler, seed, drawn and combinations, or without a list of
    those draws, intervals (by symbol) and never (symbol, values and reason), of a sampler that
    learns proposals too. `controls` are, by choice, the values that others are compared with.
    `claims` is None without a claim.
    `assignments` are the values that the command line gave, as it spelled them, by symbol.
    `name`, `note` and `tags` are what its user calls it and says of it; no hash has them.
    `trees` are those of EXTERNAL that it was planned with, with keys `path` and `sources`, a hash.
    """

    axes: list[dict[str, Any]] = field(default_factory=list)
    settings: Mapping[str, str] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    kconfig: str = ""
    files: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    dropped: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    design: Mapping[str, Any] = field(default_factory=dict)
    controls: Mapping[str, list[str]] = field(default_factory=dict)
    claims: ClaimSeal | None = None
    assignments: Mapping[str, str] | None = None
    name: str | None = None
    note: str | None = None
    tags: list[str] | None = None
    trees: list[dict[str, str]] | None = None


@dataclass(frozen=True, kw_only=True)
class RaceRecord(JsonRecord):
    """The rules of a race: `alpha` in 0..1, `margin` >= 0 in the unit of the measure `by`.

    Every configuration gets the seeds in the order of `seeds`, then the next integers, up to
    `max_seeds` of them, 2 to LONGEST_RACE.
    """

    alpha: float
    margin: float
    max_seeds: int
    by: str
    seeds: list[str] = field(default_factory=list)

    @property
    def order(self) -> list[str]:
        """The seeds of the race: those given, then the integers above them."""
        start = max(map(int, self.seeds), default=0)
        above = (str((start + n) % SEEDS) for n in itertools.count(1))
        fresh = (text for text in above if text not in self.seeds)
        return list(itertools.islice(itertools.chain(self.seeds, fresh), self.max_seeds))


@dataclass(frozen=True, kw_only=True)
class PlanHeader(PlanOrigin):
    """The first line of plan.jsonl, and the header of a sweep's store.

    A store adds `command`, which continues the sweep, `entry`, what trains its trials (None: the
    library), `packs`: by shape, the size of a pack that a probe measured, and why it is 1 if it is,
    `race`, if its trials are those of a race, whose plan grows, `seals`: its claims and each change
    of them, the first one first, and `executor`: the variables of make that name where its trials
    run (None: in a pool of its runner's machine).
    """

    schema: int = PLAN_SCHEMA
    plan_id: str = ""
    trials: int = 0
    command: str | None = None
    entry: str | None = None
    packs: Mapping[str, Mapping[str, Any]] | None = None
    race: RaceRecord | None = None
    seals: list[ClaimSeal] | None = None
    executor: list[str] | None = None

    @property
    def refused(self) -> int:
        """How many combinations Kconfig refused, so that they never became trials."""
        return self.counts.get("invalid", 0)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        record = {"schema": self.schema, "plan_id": self.plan_id, "trials": self.trials}
        record |= super().as_json()
        if self.race is not None:
            record["race"] = self.race.as_json()
        if self.claims is not None:
            record["claims"] = self.claims.as_json()
        if self.seals is not None:
            record["seals"] = [seal.as_json() for seal in self.seals]
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the header of a JSON object."""
        race, claims, seals = (record.get(name) for name in ("race", "claims", "seals"))
        parts = {
            "race": None if race is None else RaceRecord.from_json(race),
            "claims": None if claims is None else ClaimSeal.from_json(claims),
            "seals": None if seals is None else [ClaimSeal.from_json(seal) for seal in seals],
        }
        return super().from_json({**record, **parts})


@dataclass(frozen=True, kw_only=True)
class Revision(JsonRecord):
    """A commit, whether the code was `modified` since, in `files` (the first), and its hash.

    `commit` is empty where git does not track the code, `changes` (of the hash) where nothing
    differs from the commit. Older records have no `sources`. `trees` are those of EXTERNAL, each
    with its `path` and a hash of its own, `sources`; that of the whole code has them too. `script`
    is a hash of the files of a trial that is a program; None for those that the library trains.
    """

    version: str | None = None
    commit: str | None = None
    modified: bool | None = None
    changes: str | None = None
    sources: str | None = None
    files: list[str] | None = None
    trees: list[dict[str, str]] | None = None
    script: str | None = None

    def differs(self, other: Revision) -> bool:
        """Return whether the code was another: by its hash, else by any field that both have."""
        if self.sources and other.sources:
            return (self.sources, self.script) != (other.sources, other.script)
        mine, others = self.as_json(), other.as_json()
        return any(mine[name] != others[name] for name in mine.keys() & others)


@dataclass(frozen=True, kw_only=True)
class PackShare(JsonRecord):
    """How many trials were trained as one program, and `why` if there was but one."""

    size: int = 1
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Provenance(JsonRecord):
    """What is needed to know where a result came from, and to produce it again.

    `seeds` are those of each purpose, `versions` those of python and the packages, `micro_batch`
    the samples that one pass takes (0: the whole batch). `resumed` says after which epoch a run
    continued from a checkpoint, and of which other run if it did. `taken_over` says which `sweep`,
    `trial` and `attempt` of it trained a result that was taken over. `timed` has the `epochs` that
    a trial's time was found to be, the `seconds` of each, and as `config` the symbols that stand in
    the configuration of the same length in epochs.
    """

    started: str | None = None
    config: Mapping[str, str] | None = None
    settings: Mapping[str, str] | None = None
    seeds: Mapping[str, int] | None = None
    code: Revision | None = None
    versions: Mapping[str, str] | None = None
    device: str | None = None
    threads: int | None = None
    platform: str | None = None
    ranks: int | None = None
    data_fingerprint: str | None = None
    micro_batch: int | None = None
    resumed: Mapping[str, Any] | None = None
    taken_over: Mapping[str, Any] | None = None
    pack: PackShare | None = None
    timed: Mapping[str, Any] | None = None

    @property
    def pack_size(self) -> int:
        """How many trials were trained as one program with this one, it included."""
        return self.pack.size if self.pack else 1

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        record = super().as_json()
        if self.code is not None:
            record["code"] = self.code.as_json()
        if self.pack is not None:
            record["pack"] = self.pack.as_json()
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the record of a JSON object."""
        code, pack = record.get("code"), record.get("pack")
        parts = {
            "code": None if code is None else Revision.from_json(code),
            "pack": None if pack is None else PackShare.from_json(pack),
        }
        return super().from_json({**record, **parts})


@dataclass(frozen=True, kw_only=True)
class EpochRecord(JsonRecord):
    """What is recorded at the end of an epoch, counted from 1.

    `step` counts updates, `val_acc` is in percent, `sparsity` is 0..1. `more` has the measures of
    the method and of the data, which are as many as there are methods.
    """

    epoch: int | None = None
    epochs: int | None = None
    step: int | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    val_acc: float | None = None
    lr: float | None = None
    sparsity: float | None = None
    seconds: float | None = None

    def measure(self, name: str) -> Any:
        """Return a field or measure by its name in the file; None if the epoch has none."""
        return self.as_json().get(name)
