"""Arguments of the classes for a loop of the user's: checked in the constructor, in one line each.

An argument that is left out, None, has the default of its Kconfig symbol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args

import torch
from torch import Tensor

from espalier.core.arguments import check_choice
from espalier.core.component import hints, without_none
from espalier.core.errors import CannotTrain
from espalier.sparse.optimizer_parts import parts_of
from espalier.sparse.user_models import check_model, check_trained

SYMBOLS = {
    "CONFIG_TARGET_SPARSITY": "target_sparsity",
    "CONFIG_PRUNING_WARMUP": "warmup_steps",
    "CONFIG_PRUNING_RAMP_END_EPOCH": "ramp_end_step",
    "CONFIG_PRUNING_ALLOCATION": "allocation",
    "CONFIG_PRUNING_ROUNDS": "rounds",
    "CONFIG_PRUNING_REWIND_STEP": "rewind_step",
    "CONFIG_SPARSE_DENSITY": "density",
    "CONFIG_SPARSE_EVERY": "frequency",
    "CONFIG_SPARSE_STOP": "stop",
    "CONFIG_NUM_EPOCHS": "total_steps",
}
"""The arguments that the messages of the harness call by their symbols."""


ROTATED = frozenset({"SOAP", "Conda"})
"""Classes, of any package, whose state has a weight's shape and is that of a rotation of it."""


def given(options: Mapping[str, Any], **fields: str) -> dict[str, Any]:
    """Return the options that are there under the names of dataclass `fields`."""
    return {field: options[name] for field, name in fields.items() if options.get(name) is not None}


def check_choices(cls: type, values: Mapping[str, Any]) -> None:
    """Raise ValueError for a value that is none of the Literal of its field of `cls`."""
    for name, value in values.items():
        members = get_args(without_none(hints(cls)[name]))
        if members:
            check_choice(name, value, members)


def check_kinds(model: Any, optimizer: Any) -> None:
    """Raise TypeError unless these are a module and an optimizer of torch's kind."""
    check_model(model)
    if not isinstance(optimizer, torch.optim.Optimizer):
        kind = type(optimizer).__name__
        raise TypeError(f"optimizer: must be a torch.optim.Optimizer, not {kind}")
    _check_basis(optimizer)


def check_scaler(scaler: Any) -> torch.amp.GradScaler | None:
    """Return `scaler`. Raises TypeError unless it is one of torch's, or None."""
    if scaler is None or isinstance(scaler, torch.amp.GradScaler):
        return scaler
    raise TypeError(f"scaler: must be a torch.amp.GradScaler, not {type(scaler).__name__}")


def _check_basis(optimizer: torch.optim.Optimizer) -> None:
    """Raise ValueError for an optimizer, or one that it wraps, with state in another basis."""
    for part in parts_of(optimizer):
        for kind in type(part).__mro__:
            if kind.__name__ in ROTATED:
                raise ValueError(
                    f"optimizer: {type(part).__name__} keeps moments of rotated weights, so that "
                    "those of a pruned weight cannot be zeroed: use another, such as AdamW"
                )


def check_weights(weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> None:
    """Raise ValueError, with the layer's name, for weights that cannot be masked together."""
    check_trained(((name, [weight]) for name, weight in weights.items()), optimizer)
    devices = {weight.device for weight in weights.values()}
    for name, weight in weights.items():
        if weight.is_complex():
            raise ValueError(f"{name}: is complex, and only real weights can be masked")
    if len(devices) > 1:
        raise ValueError(f"the weights are on {len(devices)} devices: they must share one")


@contextmanager
def as_value_errors() -> Iterator[None]:
    """Turn what the harness refuses into ValueErrors that speak of arguments."""
    try:
        yield
    except CannotTrain as error:
        message = str(error)
        for symbol, argument in SYMBOLS.items():
            message = message.replace(symbol, argument)
        raise ValueError(message) from None
