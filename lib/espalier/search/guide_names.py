"""The names and values that the search guide uses, as symbols and values of the Kconfig tree."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espalier.core.errors import UserError
from espalier.kconfig import range_file
from espalier.kconfig.symbols import CHOICE, Symbols

SEED = "SEED"
OPTIMIZER = "OPTIMIZER"
WEIGHT_DECAY = "weight_decay"
"""The one name whose symbol depends on another: each optimizer has its own."""

NAMES = {
    "architecture": "MODEL",
    "n_neurons": "DENDRITES_NEURONS",
    "n_dendrites": "DENDRITES_PER_NEURON",
    "n_dendrite_inputs": "DENDRITES_INPUTS",
    "soma_enabled": "DENDRITES_SOMA",
    "hidden_dim": "DENDRITES_HIDDEN",
    "strategy": "DENDRITES_WIRING",
    "dendrite_strategy": "DENDRITES_WIRING",
    "activation": "DENDRITES_ACTIVATION",
    "synaptic_resampling": "PRUNING_METHOD",
    "percentage_resample": "RESAMPLING_SHARE",
    "steps_to_resample": "RESAMPLING_STEPS",
    "dataset": "DATASET",
    "subset_size": "TRAIN_SUBSET",
    "max_params": "MAX_PARAMS",
    "min_param_ratio": "MIN_PARAMS_SHARE",
    "lr": "LEARNING_RATE",
    "batch_size": "BATCH_SIZE",
    "n_epochs": "NUM_EPOCHS",
    "optimizer": OPTIMIZER,
    "seed": SEED,
}
"""By name; any symbol goes by its own name as well."""

GUIDE: Mapping[str, Any] = tomllib.loads(
    Path(__file__).with_name("guide.toml").read_text(encoding="utf-8")
)
"""What the guide says, as data: `base`, `values` and the spaces of its scenarios."""


def base(symbols: Symbols) -> dict[str, str]:
    """Return what a search takes where its space does not say: model, optimizer and method."""
    return {
        (symbol := symbol_of(name, symbols)): text_of(name, value, symbol, symbols)
        for name, value in GUIDE["base"].items()
    }


def symbols_of(
    name: str, given: Mapping[str, Any], base: Mapping[str, str], symbols: Symbols
) -> list[str]:
    """Return the symbols or choices that `name` stands for in the space `given`: one, as a rule.

    Raises UserError, with the nearest name, if there is none.
    """
    if name != WEIGHT_DECAY:
        return [symbol_of(name, symbols)]
    optimizers = [value for key, value in given.items() if NAMES.get(key, key) == OPTIMIZER]
    chosen = optimizers[0] if optimizers else base[OPTIMIZER]
    names = chosen if isinstance(chosen, list) else [chosen]
    return [symbol_of(decay_of(str(optimizer)), symbols) for optimizer in names]


def decay_of(optimizer: str) -> str:
    """Return the name of an optimizer's weight decay, if it has one."""
    return f"{optimizer.upper()}_WEIGHT_DECAY"


def symbol_of(name: str, symbols: Symbols) -> str:
    """Return the symbol or choice that `name` stands for; UserError names the nearest."""
    symbol = NAMES.get(name, name)
    if symbol in symbols:
        owner = symbols.owner(symbol)
        return symbol if owner is None or symbol in symbols.choices else owner[0]
    names = [*NAMES, WEIGHT_DECAY, *symbols.prompted]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join([*NAMES, WEIGHT_DECAY])}"
    raise UserError(f"parameter {name}: no such parameter or symbol; {hint}")


def text_of(name: str, value: Any, symbol: str, symbols: Symbols) -> str:
    """Return `value` as canonical text of `symbol`. Raises UserError if it is no value of it."""
    meant = GUIDE["values"].get(name, {}).get(str(value).lower(), value)
    text = "ny"[meant] if isinstance(meant, bool) else str(meant)
    kind = symbols.kind(symbol)
    if kind == CHOICE:
        return _member(name, text, symbols.members(symbol))
    try:
        canonical_text = symbols.canonical(symbol, text)
    except ValueError as error:
        raise UserError(f"parameter {name}={value!r}: {error}") from None
    if kind == "int" and (bounds := _bounds(symbols, symbol)):
        low, high = min(bound[0] for bound in bounds), max(bound[1] for bound in bounds)
        if not low <= int(canonical_text) <= high:
            raise UserError(f"parameter {name}={value!r}: must be in [{low}, {high}]")
    return canonical_text


def _bounds(symbols: Symbols, symbol: str) -> list[tuple[int, int]]:
    """Return the ranges that Kconfig gives under one condition or other, where numbers."""
    texts = [(low.name, high.name) for low, high, _ in symbols.item(symbol).ranges]
    return [(int(low), int(high)) for low, high in texts if (low + high).isdecimal()]


def quote(row: Mapping[str, str], symbols: Symbols) -> dict[str, str]:
    """Return `row` as a range file has it: nothing splits a text or takes it for a range."""
    return {name: _quoted(text, symbols.kind(name)) for name, text in row.items()}


def _quoted(text: str, kind: str) -> str:
    return range_file.quote(text) if kind == "string" else text


def _member(name: str, text: str, members: Mapping[str, object]) -> str:
    member = text.lower().replace("-", "_")
    if member in members:
        return member
    near = difflib.get_close_matches(member, members, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UserError(f"parameter {name}={text}: no such value; {hint}known: {', '.join(members)}")
