"""A lineage made by hand."""

from __future__ import annotations

from espalier.methods.apoptosis.neurons.lineage import Lineage


def family() -> Lineage:
    """Two layers; in `a` slot 1 dies and is reborn of 0 and 2, whose child is then reborn too."""
    lineage = Lineage({"a": 3, "b": 2})
    lineage.record_deaths(10, "a", [1], [0.5], drift=0.01)
    lineage.record_births(10, "a", [1], [[(0, 0.25), (2, 0.75)]])
    lineage.record_deaths(30, "a", [0], [0.1])
    lineage.record_births(30, "a", [0], [[(1, 1.0)]], op="split")
    return lineage
