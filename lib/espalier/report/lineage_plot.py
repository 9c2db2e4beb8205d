"""Plots of a lineage: lives and descent of neurons, and the ages of the living."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from espalier.methods.apoptosis.neurons.lineage import EMPTY, Lineage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 9.0, 3.0  # inches of a panel


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


def plot_lineage(lineage: Lineage, last: int) -> Figure:
    """Plot two panels a layer: lives by slot, with lines from parent to child, and ages."""
    from matplotlib.figure import Figure

    layers = lineage.layers
    figure = Figure((2 * WIDTH, HEIGHT * len(layers)), layout="constrained")
    panels = figure.subplots(len(layers), 2, squeeze=False)
    for row, layer in zip(panels, layers, strict=True):
        plot_lives(lineage, layer, last, row[0])
        plot_ages(lineage, layer, last, row[1])
    return figure


def plot_lives(lineage: Lineage, layer: str, last: int, axes: Axes) -> None:
    """Plot a bar a life, and a line from each parent's slot to its child's at the child's birth.

    Founders are grey; the others have the colour of their generation and begin with a dot.
    """
    every = lives(lineage, layer, last)
    depth = generations(lineage)
    axes.hlines(
        [life.slot for life in every],
        [life.start for life in every],
        [life.end for life in every],
        colors=[_colour(depth.get(life.id, 0)) for life in every],
        lw=1.2,
    )
    born = [e for e in lineage.events if e.layer == layer and e.op != "death"]
    where = {life.id: life.slot for life in every}
    ties = [(e.step, where[parent], e.slot) for e in born for parent, _ in e.parents]
    ends = [a for _, a, _ in ties], [b for *_, b in ties]
    axes.vlines([x for x, *_ in ties], *ends, lw=0.3, colors="black", alpha=0.4)
    axes.plot([e.step for e in born], [e.slot for e in born], "k.", ms=2)
    axes.set(title=f"{layer}: lives, coloured by generation", xlabel="step", ylabel="slot")


def _colour(generation: int) -> str:
    """Return grey for founders, then the ten colours of the usual cycle."""
    return f"C{(generation - 1) % 10}" if generation else "lightgrey"


def generations(lineage: Lineage) -> dict[int, int]:
    """Return by id one more than the highest of its parents; founders are left out."""
    depths: dict[int, int] = {}
    for event in lineage.events:
        if event.op != "death":
            depths[event.id] = 1 + max(
                (depths.get(parent, 0) for parent, _ in event.parents), default=0
            )
    return depths


def plot_ages(lineage: Lineage, layer: str, last: int, axes: Axes) -> None:
    """Plot the youngest, the mean and the oldest of the living."""
    points = [(step, ages) for step, ages in ages_over_time(lineage, layer, last) if ages]
    steps = [step for step, _ in points]
    axes.fill_between(steps, [min(a) for _, a in points], [max(a) for _, a in points], alpha=0.3)
    axes.plot(steps, [sum(a) / len(a) for _, a in points])
    axes.set(title=f"{layer}: ages, mean and range", xlabel="step", ylabel="age (steps)")
