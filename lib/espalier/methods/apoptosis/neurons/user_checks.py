"""Checks of what users hand in: births of their own, and states of other managers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from torch import Tensor

from espalier.methods.apoptosis.neurons.replacement_ops import Parents
from espalier.surgery.pairing.pair_layers import Layer

Regrow = Callable[[Layer, Tensor, Tensor, Tensor], Parents | None]
_PARTS = frozenset(("step", "events", "lineage", "populations", "generator", "restarts"))


def checked(regrow: Regrow) -> Regrow:
    """Return `regrow` with an error where it leaves other parameters, or parents that are none.

    What is returned copies and pickles with the manager that `regrow` is a method of.
    """
    return partial(_regrow_and_check, regrow)


def check_trained_still(name: str, parameters: Iterable[Tensor]) -> None:
    """Raise ValueError if what makes or reads the neurons of layer `name` has been frozen."""
    if not all(parameter.requires_grad for parameter in parameters):
        raise ValueError(
            f"{name}: what makes or reads its neurons has been frozen since the manager was made: "
            "call remove() on it, and make another"
        )


def _regrow_and_check(
    regrow: Regrow, layer: Layer, dying: Tensor, healthy: Tensor, fitness: Tensor
) -> Parents | None:
    before = {name: (p, p.shape) for name, p in layer.named_parameters()}
    parents = regrow(layer, dying, healthy, fitness)
    now = dict(layer.named_parameters())
    for name, (parameter, shape) in before.items():
        if now.get(name) is not parameter or parameter.shape != shape:
            rule = "write its rows instead, as in layer.weight[dying_indices] = ..."
            raise ValueError(f"_regrow_neurons put another {name!r} into its layer: {rule}")
    if parents is not None:
        _check_parents(parents, len(dying), len(fitness))
    return parents


def _check_parents(parents: Parents, born: int, size: int) -> None:
    if len(parents) != born:
        raise ValueError(f"_regrow_neurons returned parents of {len(parents)} newborn, not {born}")
    for slot, _ in (each for row in parents for each in row):
        if not 0 <= slot < size:
            raise ValueError(f"_regrow_neurons returned parent {slot} of a layer of {size} neurons")


def check_state(
    state: Mapping[str, Any], names: Iterable[str], whole: bool, has_optimizer: bool
) -> None:
    """Raise ValueError for what is no state of a manager of the layers `names`.

    Not `whole`: the state may have some of them only.
    """
    if not isinstance(state, Mapping) or not set(state) >= _PARTS:
        raise ValueError("the state is not one of an apoptosis manager's state_dict()")
    if (state["restarts"] is not None) != has_optimizer:
        here, there = ("with", "without") if has_optimizer else ("without", "with")
        raise ValueError(f"the state is of a manager {there} optimizer=, and this is one {here}")
    expected, held = set(names), set(state["populations"])
    other = sorted(held - expected) + sorted(expected - held if whole else ())
    if other:
        raise ValueError(f"the state is of a manager of other layers: {', '.join(other[:5])}")
