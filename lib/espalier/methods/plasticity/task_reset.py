"""Reset at each task: the network and its optimizer begin anew. A control.

Source: Ash and Adams 2020, On Warm-Starting Neural Network Training, arXiv 1910.08475, section 2
(random initialisation).
Differs: it begins each time from the same first values, the ones that the run began with, so that
tasks differ in their data alone. The learning-rate schedule goes on.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Method, Run, StateDict
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.train.checkpoints.run_state import load_optimizer
from espalier.train.engine.early_stopping import named_tensors


@dataclass
class Start:
    """Parameters and buffers by name, and the optimizer's state, as a run begins."""

    tensors: dict[str, Tensor]
    optimizer: dict[str, Any]


@kconfig_dataclass
class TaskReset(Method[Start]):
    """Go back to the first values before each task but the first."""

    packable: ClassVar[bool] = False  # the optimizer's state is replaced

    @override
    def attach(self, run: Run[Start]) -> None:
        tensors = {name: x.detach().clone() for name, x in named_tensors(run.model)}
        run.method_state = Start(tensors, copy.deepcopy(run.optimizer.state_dict()))

    @override
    @torch.no_grad()
    def before_task(self, run: Run[Start]) -> None:
        first = run.method_state
        for name, tensor in named_tensors(run.model):
            tensor.copy_(first.tensors[name])
        load_optimizer(run.optimizer, copy.deepcopy(first.optimizer))  # the loop sets the rate

    @override
    def state_dict(self, run: Run[Start]) -> StateDict:
        return {"tensors": run.method_state.tensors, "optimizer": run.method_state.optimizer}

    @override
    def load_state_dict(self, run: Run[Start], state: StateDict) -> None:
        here = run.method_state.tensors
        there = {name: x.to(here[name].device) for name, x in state["tensors"].items()}
        run.method_state = Start(there, state["optimizer"])
