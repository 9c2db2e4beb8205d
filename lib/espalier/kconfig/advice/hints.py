"""What was probably meant by a symbol, or a member of a choice, that does not exist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import kconfiglib
from kconfiglib import Symbol

from espalier.core.measures import MEASURES
from espalier.core.texts.program_name import MAKE
from espalier.kconfig import assign
from espalier.kconfig.advice import spelling
from espalier.kconfig.foreign import foreign_config
from espalier.kconfig.range_file import Setting
from espalier.kconfig.symbols import Symbols

RETIRED = {
    "SNAPSHOT_DELTA": "SNAPSHOT_COMPRESS",
    **{f"RANK_BY_{name.upper()}": f"RANK_BY={name}" for name in MEASURES},
}
"""Symbols of earlier versions, and what does their work now."""

OTHER_WORDS = {  # what others call it: what it is here, or the end of the names that it has here
    "BATCH": "BATCH_SIZE",
    "BATCHSIZE": "BATCH_SIZE",
    "BS": "BATCH_SIZE",
    "EPOCH": "NUM_EPOCHS",
    "EPOCHS": "NUM_EPOCHS",
    "MAX_EPOCHS": "NUM_EPOCHS",
    "N_EPOCHS": "NUM_EPOCHS",
    "TRAIN_EPOCHS": "NUM_EPOCHS",
    "LR": "LEARNING_RATE",
    "BASE_LR": "LEARNING_RATE",
    "INITIAL_LR": "LEARNING_RATE",
    "INIT_LR": "LEARNING_RATE",
    "LEARNING_RATES": "LEARNING_RATE",
    "LR_SCHEDULER": "LR_SCHEDULE",
    "SCHEDULER": "LR_SCHEDULE",
    "LR_POLICY": "LR_SCHEDULE",
    "WD": "WEIGHT_DECAY",
    "EPS": "EPSILON",
    "OPT": "OPTIMIZER",
    "OPTIM": "OPTIMIZER",
    "ARCH": "MODEL",
    "COMPILE_MODEL": "COMPILE",
    "NETWORK": "MODEL",
    "NET": "MODEL",
    "METHOD": "PRUNING_METHOD",
    "PRUNING": "PRUNING_METHOD",
    "SPARSITY": "TARGET_SPARSITY",
    "DENSITY": "SPARSE_DENSITY",
    "RANDOM_SEED": "SEED",
    "RANDOM_STATE": "SEED",
    "RNG_SEED": "SEED",
    "SEEDS": "SEED",
    "GRADIENT_CLIP": "GRAD_CLIP_NORM",
    "GRAD_CLIP": "GRAD_CLIP_NORM",
    "GRADIENT_CLIP_NORM": "GRAD_CLIP_NORM",
    "MAX_GRAD_NORM": "GRAD_CLIP_NORM",
    "CLIP_GRAD": "GRAD_CLIP_NORM",
    "DEVICE_GPU": "DEVICE_CUDA",
    "GPU": "DEVICE",
    "GPUS": "DEVICE",
    "NUM_GPUS": "DEVICES_PER_TRIAL",
    "NUM_WORKERS": "DATA_WORKERS",
    "JOBS": "PARALLEL",
    "N_JOBS": "PARALLEL",
    "DATA_PATH": "DATA_DIR",
    "DATA_ROOT": "DATA_DIR",
    "DATASET_DIR": "DATA_DIR",
    "MIXED_PRECISION": "AMP",
    "VAL_FRACTION": "VALIDATION_FRACTION",
    "TIMEOUT": "TRIAL_TIMEOUT",
}
MOST_NAMED = 8
"""Of several symbols that may be meant."""


def of_retired(setting: Setting) -> str:
    """Return the note that a line with a symbol of an earlier version is left out."""
    name = setting.symbol
    return f"{setting.place}: CONFIG_{name} is gone, so the line is left out; {_successor(name)}"


def _successor(name: str) -> str:
    return f"CONFIG_{RETIRED[name]} took its place"


def of_symbol(symbols: Symbols, name: str, settings: Iterable[Setting]) -> str:
    """Return what to do about the unknown symbol `name` of a file with these `settings`."""
    if name in RETIRED:
        return f"{_successor(name)}; `{MAKE} olddefconfig` takes the line out"
    if hint := foreign_config.hint(name):
        return hint
    meant = _meant(symbols, name.upper(), settings)
    if not meant:
        return f"`{MAKE} menuconfig` shows what there is"
    if len(meant) == 1:
        return f"did you mean CONFIG_{meant[0]}?"
    listed = ", ".join(f"CONFIG_{other}" for other in meant[:MOST_NAMED])
    return f"did you mean one of {listed}{', ...' if len(meant) > MOST_NAMED else ''}?"


def _meant(symbols: Symbols, name: str, settings: Iterable[Setting]) -> list[str]:
    """Return the symbols that may be meant, the surest rule first."""
    word = OTHER_WORDS.get(name, name)
    if word in symbols:
        return [word]
    owned = _ending_in(symbols, word)
    if owned:
        return _of_chosen(symbols, owned, settings) or owned
    if near := spelling.nearest(name, symbols.names):
        return [near]
    if "_SELECT_" in name:
        component = name[name.index("_SELECT_") :]
        return [other for other in symbols.names if other.endswith(component)]
    parts = [other for other in symbols.prompted if name.endswith(f"_{other}") and "_" in other]
    return parts[:1]


def _ending_in(symbols: Symbols, word: str) -> list[str]:
    """Return the symbols that are `word` of a component: the component's name, then that."""
    own = [other.partition("_") for other in symbols.prompted]
    ends = {end for _, _, end in own}
    meant = word if word in ends or "_" not in word else spelling.nearest(word, ends)
    return [f"{start}_{end}" for start, _, end in own if end == meant]


def _of_chosen(symbols: Symbols, names: Sequence[str], settings: Iterable[Setting]) -> list[str]:
    """Return those of `names` that belong to a component which a file chooses."""
    members = {member for setting in settings for member in _chosen(symbols, setting)}
    return [
        name
        for name in names
        if members.intersection(kconfiglib.expr_items(symbols.item(name).direct_dep))
    ]


def _chosen(symbols: Symbols, setting: Setting) -> list[Symbol]:
    """Return the members of a choice that a line chooses, by the name of the choice or its own."""
    name = setting.symbol
    if name in symbols.choices:
        members = symbols.members(name)
        return [members[text.lower()] for text in setting.values if text.lower() in members]
    chosen = "y" in setting.values and symbols.owner(name)
    return [symbols.item(name)] if chosen else []


def of_member(symbols: Symbols, choice: str, text: str) -> str:
    """Return what was meant by `text`, which is no member of `choice`; empty if no rule says."""
    if near := spelling.nearest(text, symbols.members(choice)):
        return f"did you mean {near}?"
    for other in symbols.choices:
        if other != choice and text.lower() in symbols.members(other):
            return _of_other_choice(symbols, choice, other, text.lower())
    return ""


def _of_other_choice(symbols: Symbols, choice: str, other: str, value: str) -> str:
    """Say that `value` is one of another choice, and what only it brings for this one."""
    brought = {}
    for member in symbols.members(other):
        symbols.kconf.unset_values()
        assign.put(symbols, other, member)
        brought[member] = assign.effective(symbols, choice)
    symbols.kconf.unset_values()
    own = brought.pop(value)
    if own and own not in brought.values():
        return f"did you mean {own}, with CONFIG_{other}={value}?"
    return f"it is one of CONFIG_{other}."
