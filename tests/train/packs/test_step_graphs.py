"""Recorded steps, on a CPU: what is recorded never asks the host, and all of it stays in place.

A recording that is made up runs the same work again at each replay, as a graph does, on the
tensors that it was recorded with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import packing
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from espalier.core.errors import UserError
from espalier.optimizers.stacked import stack_optimizers
from espalier.train.engine.trainer import Trainer
from espalier.train.packs.pack import Pack
from espalier.train.packs.step_graphs import GraphPlan, StepGraphs, Work

TRIALS = 3
OPTIMIZERS = ("sgd", "adamw", "adamwspam", "adamwprune")
METHODS = {"adamwprune": "state"}
HOST = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "unique")


class NeverAsks(TorchDispatchMode):
    """Fails on whatever would make the host wait for a device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.overloadpacket.__name__ not in HOST, f"{func} waits for the device"
        return func(*args, **(kwargs or {}))


class Recorder:
    """Records work by keeping it; a replay does it and puts the outcome where the first one lay."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, work: Work) -> tuple[Tensor | None, Callable[[], object]]:
        self.recorded += 1
        place = torch.zeros(TRIALS, dtype=torch.float64)

        def replay() -> None:
            self.replayed += 1
            with NeverAsks():
                out = work()
            if out is not None:
                place.copy_(out)

        return place, replay


def values(optimizer: str, k: int) -> dict[str, str]:
    method = METHODS.get(optimizer, "none")
    short = {"NUM_EPOCHS": "6", "PRUNING_WARMUP": "5", "PRUNING_RAMP_END_EPOCH": "5"}
    more = {"BATCH_SIZE": "6", "PRUNING_FREQUENCY": "4", "SPAM_INTERVAL": "9"}
    chosen = {"OPTIMIZER": optimizer, "PRUNING_METHOD": method}
    return packing.varied(chosen, k, **short, **more)


def made(optimizer: str) -> list[Trainer]:
    data = packing.split(4)  # 40 samples: six batches of 6 and one of 4
    return [packing.trainer(values(optimizer, k), packing.mlp, data) for k in range(TRIALS)]


def stacked(trainers: Any, verified: bool = False) -> Pack:
    return Pack(trainers, verified, stack_optimizers)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_recorded_steps_are_the_steps_and_never_wait(optimizer: str) -> None:
    recorder = Recorder()
    plain = packing.train(made(optimizer), stacked)
    graphs = packing.train(made(optimizer), lambda *args: StepGraphs(stacked(*args), recorder))
    assert recorder.recorded == 3  # two sizes of batch and the update
    assert recorder.replayed > 60
    for alone, other in zip(plain, graphs, strict=True):
        assert alone.losses == other.losses
        assert all(map(torch.equal, alone.tensors, other.tensors))


def test_tensors_stay_where_a_recording_has_them() -> None:
    pack = stacked(made("adamw"))
    graphs = StepGraphs(pack, Recorder())
    x, y = torch.randn(TRIALS * 6, 1, 4, 4, dtype=torch.float64), torch.ones(TRIALS * 6).long()
    places: set[tuple[int, ...]] = set()
    for step in range(6):
        graphs.backward(x + step, y)
        graphs.update()
        held = [*pack._leaves, *pack._grads, pack.stack.mean, pack.stack.square, pack.stack.steps]
        places.add(tuple(tensor.data_ptr() for tensor in held))
    assert len(places) == 1
    graphs.check()


def test_optimizers_that_are_not_stacked_step_one_by_one() -> None:
    plain = packing.train(made("adamw"))
    recorder = Recorder()
    graphs = packing.train(made("adamw"), lambda *args: StepGraphs(Pack(*args), recorder))
    assert recorder.recorded == 2  # sizes of batch
    for alone, other in zip(plain, graphs, strict=True):
        assert alone.losses == other.losses


def test_there_are_no_graphs_on_a_cpu() -> None:
    with pytest.raises(UserError, match="CONFIG_CUDA_GRAPHS=n"):
        GraphPlan(True).choose(torch.device("cpu"))
    assert not GraphPlan(False).choose(torch.device("cpu"))
    assert GraphPlan(True).choose(torch.device("cuda"))


def test_a_question_of_the_host_would_be_seen() -> None:
    with pytest.raises(AssertionError, match="waits"), NeverAsks():
        torch.ones(2).sum().item()
