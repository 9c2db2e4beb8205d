"""The lineage of neurons: every death and birth, and which neurons a newborn descends from.

A neuron has an id that is never given again; the slot it lives in, a row of its layer, is used by
one neuron after another. The first neurons of a layer are its founders and have no parents.
Nothing here imports torch, so that a table can be read and drawn at no cost.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from espalier.core.atomic_write import draft
from espalier.core.errors import UserError

TABLE = "lineage.csv"
"""File name of the table in a trial's folder."""
Op = Literal["founder", "birth", "split", "merge", "death"]
EMPTY = -1
"""In place of the id of a slot that is empty."""


@dataclass(frozen=True)
class LineageEvent:
    """Birth or death of one neuron; op `founder`, at step 0, stands in tables alone.

    `parents` are ids and the share each had. Of a death, `fitness` and `age` (steps) are those it
    died with; `drift` is how much the event it was part of changed the network's outputs, if that
    was measured.
    """

    step: int
    layer: str
    slot: int
    op: Op
    id: int
    parents: tuple[tuple[int, float], ...] = ()
    fitness: float | None = None
    age: int | None = None
    drift: float | None = None

    def record(self) -> dict[str, Any]:
        """Return a flat record; parents as `id:share` with blanks between."""
        parents = " ".join(f"{parent}:{float(share)!r}" for parent, share in self.parents)
        return {**asdict(self), "parents": parents}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> LineageEvent:
        """Return the event of a `record`, also of texts. Raises ValueError or KeyError."""
        if record["op"] not in get_args(Op):
            raise ValueError(f"op {record['op']!r} is none of {', '.join(get_args(Op))}")
        numbers = {name: int(record[name]) for name in ("step", "slot", "id")}
        types = {"fitness": float, "age": int, "drift": float}
        more = {name: kind(record[name]) for name, kind in types.items() if _given(record[name])}
        pairs = [pair.split(":") for pair in record["parents"].split()]
        parents = tuple((int(parent), float(share)) for parent, share in pairs)
        return cls(layer=record["layer"], op=record["op"], parents=parents, **numbers, **more)


def _given(value: Any) -> bool:
    return value is not None and value != ""


class Lineage:
    """The living neurons of every layer, and all events so far."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        """Founders for layers of these `sizes`, numbered in their order."""
        self.events: list[LineageEvent] = []
        self._next, self._sizes = 0, dict(sizes)
        self._living = {
            layer: [self._new_id() for _ in range(size)] for layer, size in sizes.items()
        }
        self._born: dict[int, int] = {}  # id -> step, founders aside

    def _new_id(self) -> int:
        self._next += 1
        return self._next - 1

    @property
    def layers(self) -> list[str]:
        """The layers, in their order."""
        return list(self._living)

    def ids(self, layer: str) -> list[int]:
        """Return the id of the neuron in each slot of a layer, or EMPTY."""
        return list(self._living[layer])

    def birth_step(self, neuron: int) -> int:
        """Return the step of a neuron's birth; 0 for founders."""
        return self._born.get(neuron, 0)

    def record_deaths(
        self, step: int, layer: str, slots: Sequence[int], fitness: Sequence[float], **more: Any
    ) -> None:
        """Record the deaths in `slots`, each with its fitness; `more`: drift of the event."""
        for slot, value in zip(slots, fitness, strict=True):
            neuron = self._occupant(layer, slot)
            age = step - self.birth_step(neuron)
            self.events.append(
                LineageEvent(step, layer, slot, "death", neuron, (), float(value), age, **more)
            )
            self._living[layer][slot] = EMPTY

    def _occupant(self, layer: str, slot: int) -> int:
        neuron = self._living[layer][slot]
        if neuron == EMPTY:
            raise ValueError(f"slot {slot} of {layer} is empty")
        return neuron

    def record_births(
        self,
        step: int,
        layer: str,
        slots: Sequence[int],
        parents: Sequence[Sequence[tuple[int, float]]] | None = None,
        op: Op = "birth",
    ) -> list[int]:
        """Record births in empty slots, or just behind the last slot; return the new ids.

        `parents` holds, for each, the slots it descends from and their shares.
        """
        given = parents if parents is not None else [()] * len(slots)
        ids = [
            tuple((self._occupant(layer, parent), share) for parent, share in each)
            for each in given
        ]
        return [
            self._add_neuron(LineageEvent(step, layer, slot, op, self._new_id(), each))
            for slot, each in zip(slots, ids, strict=True)
        ]

    def _add_neuron(self, event: LineageEvent) -> int:
        living = self._living[event.layer]
        if event.slot == len(living):
            living.append(EMPTY)
        if living[event.slot] != EMPTY:
            raise ValueError(f"slot {event.slot} of {event.layer} is taken")
        living[event.slot] = event.id
        self._born[event.id] = event.step
        self.events.append(event)
        return event.id

    def ages(self, layer: str, step: int) -> list[int]:
        """Return the steps since birth of each living neuron of a layer, in the order of slots."""
        return [step - self.birth_step(neuron) for neuron in self._living[layer] if neuron != EMPTY]

    def founders(self) -> list[LineageEvent]:
        """Return the first neurons of every layer, as events."""
        first = Lineage(self._sizes)
        return [
            LineageEvent(0, layer, slot, "founder", neuron)
            for layer in first.layers
            for slot, neuron in enumerate(first.ids(layer))
        ]

    def write(self, path: Path) -> None:
        """Write founders and events: a table for `.csv`, else one JSON object a line."""
        records = [event.record() for event in (*self.founders(), *self.events)]
        with draft(path) as place, place.open("w", newline="", encoding="utf-8") as file:
            if path.suffix == ".csv":
                table = csv.DictWriter(file, list(LineageEvent.__dataclass_fields__))
                table.writeheader()
                table.writerows(records)
            else:
                file.writelines(json.dumps(record) + "\n" for record in records)

    @classmethod
    def read(cls, path: Path) -> Lineage:
        """Read what `write` wrote. Raises UserError for any other file."""
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = csv.DictReader(file) if path.suffix == ".csv" else map(json.loads, file)
                return cls._from_events([LineageEvent.from_record(row) for row in rows])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: not the table of a lineage ({error})") from error

    @classmethod
    def _from_events(cls, events: Iterable[LineageEvent]) -> Lineage:
        every = list(events)
        founders = [event for event in every if event.op == "founder"]
        lineage = cls(Counter(event.layer for event in founders))
        if not founders or every[: len(founders)] != lineage.founders():
            raise ValueError("it does not begin with founders that are numbered in order")
        for event in every[len(founders) :]:
            lineage._replay(event)
        return lineage

    def _replay(self, event: LineageEvent) -> None:
        """Apply a recorded event."""
        if event.op != "death":
            self._next = max(self._next, event.id + 1)
            self._add_neuron(event)
        elif self._occupant(event.layer, event.slot) == event.id:
            self._living[event.layer][event.slot] = EMPTY
            self.events.append(event)
        else:
            raise ValueError(f"neuron {event.id} dies where it does not live")

    def state_dict(self) -> dict[str, Any]:
        """Return ids, births and events as plain data."""
        living = {layer: list(ids) for layer, ids in self._living.items()}
        return {
            "next": self._next,
            "sizes": dict(self._sizes),
            "living": living,
            "born": dict(self._born),
            "events": [dict(vars(event)) for event in self.events],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._next, self._born = state["next"], dict(state["born"])
        self._sizes = dict(state["sizes"])
        self._living = {layer: list(ids) for layer, ids in state["living"].items()}
        self.events = [LineageEvent(**event) for event in state["events"]]
