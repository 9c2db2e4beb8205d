"""The lives of neurons in a lineage: from birth to death, their generations, the living's ages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from espalier.methods.apoptosis.neurons.lineage import EMPTY, Lineage, LineageEvent


@dataclass(frozen=True)
class NeuronLife:
    """A neuron's slot and the steps of its birth and death; `end` is the last step if it lives."""

    id: int
    slot: int
    start: int
    end: int


def lives(lineage: Lineage, layer: str, last: int) -> list[NeuronLife]:
    """Return every neuron that a layer ever had up to step `last`, in order of birth."""
    events = [event for event in lineage.events if event.layer == layer]
    gone = {event.id: event.step for event in events if event.op == "death"}
    slots = dict(_living(lineage, layer)) | {event.id: event.slot for event in events}
    return [
        NeuronLife(n, slots[n], lineage.birth_step(n), gone.get(n, last)) for n in sorted(slots)
    ]


def _living(lineage: Lineage, layer: str) -> Iterator[tuple[int, int]]:
    """Yield id and slot of each living neuron of a layer."""
    for slot, neuron in enumerate(lineage.ids(layer)):
        if neuron != EMPTY:
            yield neuron, slot


def ages_over_time(lineage: Lineage, layer: str, last: int) -> Iterator[tuple[int, list[int]]]:
    """Yield step and ages of the living, just after each event and at step `last`."""
    every, events = lives(lineage, layer, last), [e for e in lineage.events if e.layer == layer]
    dead = {e.id for e in events if e.op == "death"}
    for step in sorted({e.step for e in events} | {last}):
        living = (life for life in every if life.start <= step)
        yield step, [step - o.start for o in living if o.end > step or o.id not in dead]


def ages_between_events(lineage: Lineage, layer: str, last: int) -> Iterator[tuple[int, list[int]]]:
    """Yield step and ages of the living at the start, just before and just after each event."""
    before, ages = 0, [0] * sum(life.start == 0 for life in lives(lineage, layer, last))
    if ages:
        yield before, ages
    for step, after in ages_over_time(lineage, layer, last):
        if ages:
            yield step, [age + step - before for age in ages]
        if after:
            yield step, after
        before, ages = step, after


def births(lineage: Lineage, layer: str) -> list[LineageEvent]:
    """Return the events of a layer that gave it a neuron."""
    return [event for event in lineage.events if event.layer == layer and event.op != "death"]


def descents(lineage: Lineage, layer: str, last: int) -> list[tuple[int, int, int]]:
    """Return the step of each birth in a layer with the slots of a parent and of the child."""
    slots = {life.id: life.slot for life in lives(lineage, layer, last)}
    return [
        (event.step, slots[parent], event.slot)
        for event in births(lineage, layer)
        for parent, _ in event.parents
        if parent in slots
    ]


def generations(lineage: Lineage) -> dict[int, int]:
    """Return by id one more than the highest of its parents; founders are left out."""
    depths: dict[int, int] = {}
    for event in lineage.events:
        if event.op != "death":
            depths[event.id] = 1 + max(
                (depths.get(parent, 0) for parent, _ in event.parents), default=0
            )
    return depths
