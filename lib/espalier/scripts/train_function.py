"""A function of a user's that trains a trial: the tree that it travels in, and how it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from espalier.core.errors import UserError
from espalier.core.trees import own_trees
from espalier.core.trees.generated_tree import Knob, write_tree
from espalier.scripts import shipped_code
from espalier.scripts.signatures import read_signature

GUARD = "TRAINER_FUNCTION"
"""The symbol that its parameters depend on."""
FILE = f"train_function{shipped_code.SUFFIX}"
_FORM = "must take a configuration and a logger, as def train(config, log, width=32)"


def write_function(train: Callable[..., Any]) -> tuple[str, Path]:
    """Return `module:name` of the function, and the tree that it is in. Raises UserError."""
    if not callable(train):
        raise UserError(f"train={train!r:.60}: is no function; it {_FORM}")
    name = f"{train.__module__}:{getattr(train, '__qualname__', type(train).__qualname__)}"
    label = f"train={name.partition(':')[2]}"
    knobs = read_signature(train, label).knobs
    _check_form(train, label, set(knobs))
    code, digest = shipped_code.pack(train, label)
    note = f"The parameters of {name}, whose code has the digest {digest}"
    tree = write_tree([Knob(*knob) for knob in knobs.items()], guard=GUARD, note=note)
    shipped_code.write(tree / FILE, code)
    return name, tree


def read_function() -> Callable[..., Any]:
    """Return the function in the trees of this process. Raises UserError if there is none."""
    for tree in own_trees.named():
        if (tree / FILE).is_file():
            function: Callable[..., Any] = shipped_code.load(tree / FILE)
            return function
    raise UserError("the function that trains is gone; call espalier.sweep(train=...) again")


def _check_form(train: Callable[..., Any], label: str, knobs: set[str]) -> None:
    try:
        taken = inspect.signature(train).bind(None, None).arguments
    except TypeError as error:
        raise UserError(f"{label}: {_FORM} ({error})") from None
    if twice := knobs & set(taken):
        raise UserError(f"{label}: {_FORM}; {min(twice)} comes too early")
