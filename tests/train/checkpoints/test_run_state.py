"""Where a run has come to: fresh objects that are brought there go on bit for bit the same."""

from __future__ import annotations

import contextlib
import io
import itertools
from typing import Any

import packing
import pytest
import torch
from covering import rest_nightly
from method_pairs import allowed
from packing import Build, Values
from torch import nn

from espalier.core.contracts import CannotTrain
from espalier.core.trial import Record
from espalier.layers.masked_blocks import Blocks
from espalier.train import loop
from espalier.train.checkpoints.run_state import position, take_up
from espalier.train.trainer import Trainer

# 80 steps: events come before a position is taken and after, and some are under way.
WISHES = {
    "NUM_EPOCHS": "8",
    "EARLY_STOP_PATIENCE": "7",
    "PRUNING_RAMP_END_EPOCH": "6",
    "APOPTOSIS_INTERVAL": "16",
    "APOPTOSIS_MATURITY": "8",
    "APOPTOSIS_GROWTH_INTERVAL": "16",
    "APOPTOSIS_GROWTH_RATE": "0.3",
    "APOPTOSIS_HYBRID_INTERVAL": "16",
    "RESAMPLING_STEPS": "13",
    "DROPLINEAR_STEPS": "13",
    "SPARSE_EVERY": "9",
    "SPAM_INTERVAL": "20",
    "GROWTH_STOP": "0.9",
    "TOURNAMENT_STEPS": "2",
}


def through_a_file(found: Any) -> Any:
    file = io.BytesIO()
    torch.save(found, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def trained(trainer: Trainer, epochs: int) -> list[Record]:
    """The records of so many epochs, without times."""
    found: list[Record] = []
    for _, record in loop.Loop([trainer]).epochs():
        assert isinstance(record, dict), record
        found.append({k: v for k, v in record.items() if not k.endswith("seconds")})
        if len(found) == epochs:
            break
    return found


def assert_equal(one: Any, other: Any, place: str = "") -> None:
    """Positions are equal bit for bit, but for times."""
    if place.endswith(("seconds", "probing")):
        return
    assert type(one) is type(other), place
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype and torch.equal(one, other), place
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key, value in one.items():
            assert_equal(value, other[key], f"{place}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), place
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_equal(a, b, f"{place}/{i}")
    else:
        assert one == other, place


def blocks() -> nn.Module:
    """Masked blocks, deep enough for every method that grows them."""
    net = Blocks((16, 10, 9, 8, packing.CLASSES))
    net.draw(0.4)
    return net


BUILDS = (packing.dropping, packing.branching, packing.sparse, blocks)
packing.SIDES[blocks] = 4


def setting_for(optimizer: str, method: str) -> tuple[Values, Build]:
    """A configuration, one with unusual values if it can be, and a network it can train."""
    wishes = {"OPTIMIZER": optimizer, "PRUNING_METHOD": method, **WISHES}
    for k, build in itertools.product((1, 0), BUILDS):
        values = packing.varied(wishes, k)
        with contextlib.suppress(CannotTrain):
            packing.trainer(values, build)
            return values, build
    raise AssertionError(f"nothing to train {method} with")


def parts(optimizer: str, method: str, after: int) -> list[str]:
    """Every method and every optimizer is to be left after either number of epochs."""
    return [f"method {method} {after}", f"optimizer {optimizer} {after}"]


@pytest.mark.parametrize(
    ("optimizer", "method", "after"),
    rest_nightly([(*pair, after) for pair in allowed() for after in (2, 5)], parts),
)
def test_a_fresh_run_goes_on_as_if_nothing_had_been(
    optimizer: str, method: str, after: int
) -> None:
    values, build = setting_for(optimizer, method)
    one = packing.trainer(values, build)
    trained(one, after)
    kept = through_a_file(position(one))
    records = trained(one, 99)
    other = packing.trainer(values, build)
    torch.rand(3)
    take_up(other, kept)
    assert trained(other, 99) == records
    assert_equal(position(other), position(one))
