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
from espalier.train.checkpoints.run_state import capture, restore
from espalier.train.engine.trainer import Trainer

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
    "APOPTOSIS_REDO_PERIOD": "16",
    "RESAMPLING_STEPS": "13",
    "DROPLINEAR_STEPS": "13",
    "SPARSE_EVERY": "9",
    "SPAM_INTERVAL": "20",
    "GROWTH_STOP": "0.9",
    "TOURNAMENT_STEPS": "2",
    "WIDENING_EVENTS": "2",
    "FIREFLY_STEPS": "2",
}


def through_a_file(state: Any) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def trained(trainer: Trainer, epochs: int) -> list[Record]:
    """The records of so many epochs, without times."""
    records: list[Record] = []
    for _, record in loop.Loop([trainer]).epochs():
        assert isinstance(record, dict), record
        records.append({k: v for k, v in record.items() if not k.endswith("seconds")})
        if len(records) == epochs:
            break
    return records


def assert_equal(first: Any, second: Any, place: str = "") -> None:
    """Positions are equal bit for bit, but for times."""
    if place.endswith(("seconds", "probing")):
        return
    assert type(first) is type(second), place
    if isinstance(first, torch.Tensor):
        assert first.dtype == second.dtype and torch.equal(first, second), place
    elif isinstance(first, dict):
        assert first.keys() == second.keys(), place
        for key, value in first.items():
            assert_equal(value, second[key], f"{place}/{key}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), place
        for i, (a, b) in enumerate(zip(first, second, strict=True)):
            assert_equal(a, b, f"{place}/{i}")
    else:
        assert first == second, place


def blocks() -> nn.Module:
    """Masked blocks, deep enough for every method that grows them."""
    net = Blocks((16, 10, 9, 8, packing.CLASSES))
    net.draw(0.4)
    return net


BUILDS = (packing.dropping, packing.branching, packing.sparse, blocks, packing.mlp)
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
    """Every method is to be left after some number of epochs, every optimizer after either."""
    return [f"method {method}", f"optimizer {optimizer} {after}"]


@pytest.mark.parametrize(
    ("optimizer", "method", "after"),
    rest_nightly([(*pair, after) for pair in allowed() for after in (2, 5)], parts),
)
def test_a_fresh_run_goes_on_as_if_nothing_had_been(
    optimizer: str, method: str, after: int
) -> None:
    values, build = setting_for(optimizer, method)
    first = packing.trainer(values, build)
    trained(first, after)
    kept = through_a_file(capture(first))
    records = trained(first, 99)
    second = packing.trainer(values, build)
    torch.rand(3)
    restore(second, kept)
    assert trained(second, 99) == records
    assert_equal(capture(second), capture(first))
