"""Rewinding: a run goes back to the weights and the optimizer state of an earlier step.

Source: Frankle and Carbin 2019, The Lottery Ticket Hypothesis, arXiv 1803.03635, section 1; to a
step after the first, Frankle et al. 2019, Stabilizing the Lottery Ticket Hypothesis, arXiv
1903.01611, section 3.
Differs: batches go on, so that a ticket does not see those of the rounds before; the rounds share
the updates of one run; the share that goes in a round follows from the target; allocation is the
plan's, over all layers alike unless it says otherwise, where Frankle and Carbin prune small
networks layer by layer and their last layer at half the rate.
"""

from __future__ import annotations

import copy

import torch

from espalier.core.contracts import Run, StateDict
from espalier.sparse.pruner import Pruner
from espalier.train.checkpoints.run_state import load_optimizer
from espalier.train.engine.early_stopping import named_tensors

OF_SCHEDULES = ("lr", "initial_lr")
"""Settings of an optimizer that learning-rate schedules write."""


def keep_point(run: Run[Pruner]) -> StateDict:
    """Return copies of all that `go_back` needs: weights, buffers, optimizer state, scores."""
    return {
        "tensors": {name: tensor.detach().clone() for name, tensor in named_tensors(run.model)},
        "optimizer": copy.deepcopy(run.optimizer.state_dict()),
        "memory": [tensor.clone() for tensor in run.method_state.memory],
    }


@torch.no_grad()
def go_back(run: Run[Pruner], kept: StateDict) -> None:
    """Write what was kept back; masks stay, and what is pruned stays 0.

    The optimizer has its learning rate from its schedule, and no earlier one.
    """
    for name, tensor in named_tensors(run.model):
        tensor.copy_(kept["tensors"][name])
    saved = copy.deepcopy(kept["optimizer"])
    for group, now in zip(saved["param_groups"], run.optimizer.param_groups, strict=True):
        group |= {name: now[name] for name in OF_SCHEDULES if name in now}
    load_optimizer(run.optimizer, saved)
    for tensor, value in zip(run.method_state.memory, kept["memory"], strict=True):
        tensor.copy_(value)
    run.method_state.masks.enforce(run.optimizer)
