"""Reset at each task: network and optimizer are again as they began."""

from __future__ import annotations

import reference_plasticity
import torch

from espalier.methods.plasticity.task_reset import TaskReset


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.01)


def test_each_task_is_trained_as_a_fresh_network_trains_on_it() -> None:
    run, reference = reference_plasticity.pair(TaskReset(), adam)
    for task in range(4):
        if task:
            run.method.before_task(run)
            reference_plasticity.assert_same(run, reference, within=0)
        fresh, _ = reference_plasticity.pair(TaskReset(), adam)
        for step in range(25):
            reference_plasticity.advance(run, 25 * task + step)
            reference_plasticity.advance(fresh, 25 * task + step)
        pairs = zip(run.model.parameters(), fresh.model.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_the_start_is_part_of_the_state() -> None:
    run, reference = reference_plasticity.pair(TaskReset(), adam)
    other, _ = reference_plasticity.pair(TaskReset(), adam)
    for tensor in other.method_state.tensors.values():
        tensor.zero_()
    other.method.load_state_dict(other, run.method.state_dict(run))
    other.method.before_task(other)
    reference_plasticity.assert_same(other, reference, within=0)
