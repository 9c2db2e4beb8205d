"""K runs trained as one program.

Parameters, buffers and gradients live in stacks (K, ...); those of each run's ordinary module are
views into them. So a method, an optimizer or an evaluation that is handed one run of a pack finds
nothing unusual, except that tensors behind parameters are replaced when others leave the pack.

On a CPU each run's own optimizer steps; elsewhere one stacked update steps all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from espalier.core.contracts import Run
from espalier.layers.fold_rules import RULES
from espalier.layers.folded import CannotPack, Stacked, folded
from espalier.optimizers.lean import Lean
from espalier.optimizers.stacked import stack_optimizers
from espalier.optimizers.together import combine_steps
from espalier.train.losses import mean_losses
from espalier.train.packs.fold_verification import verify
from espalier.train.trainer import Trainer


class Pack:
    """Forward, backward and update of K runs of one structure (see `alike`)."""

    def __init__(self, trainers: Sequence[Trainer], verified: bool = False) -> None:
        """Moves the runs' tensors into stacks.

        `verified` runs have been in a pack before. Raises CannotPack.
        """
        self._trainers, self._runs = trainers, [trainer.run for trainer in trainers]
        self._params = _columns(self._runs)
        stacks = {**self._stack_parameters(), **_stack_buffers(self._runs)}
        self._places = _places(self._runs)
        generators = [run.generators["dropout"] for run in self._runs]
        wanted = {id(leaf): grad for leaf, grad in zip(self._leaves, self._grads, strict=True)}
        self._state = Stacked(len(self._runs), stacks, generators, wanted)
        self.forward = folded(self._runs[0].model, self._state, RULES)
        self._held: list[Any] = []  # what the optimizers compute with, known after a step
        self._use(list(range(len(self._leaves))))
        self.forward.train()
        self._verified = verified

    def _stack_parameters(self) -> dict[int, Tensor]:
        leaves = [_stack(column).requires_grad_(column[0].requires_grad) for column in self._params]
        trained = [i for i, leaf in enumerate(leaves) if leaf.requires_grad]
        self._leaves = [leaves[i] for i in trained]
        self._grads = [torch.zeros_like(leaf) for leaf in self._leaves]
        self._trained = [self._params[i] for i in trained]
        for column, leaf in zip(self._params, leaves, strict=True):
            for parameter, view in zip(column, leaf.detach(), strict=True):
                parameter.data = view
        return {id(column[0]): leaf for column, leaf in zip(self._params, leaves, strict=True)}

    def _stepper(self) -> Callable[[], Any]:
        """What steps all optimizers; it holds for the parameters and gradients as they are now."""
        optimizers = [run.optimizer for run in self._runs]
        if self._trainers[0].device.type != "cpu":
            pairs = [(self._leaves[i], self._grads[i]) for i in self._used]
            stack = stack_optimizers(optimizers, [self._trained[i] for i in self._used], pairs)
            if stack is not None:
                return stack
        updates = combine_steps(optimizers)
        return lambda: _every(updates)

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Losses (K,) of a batch x (K*b, ...), y (K*b,); the gradients are in the runs.

        Raises CannotPack at the first batch, before anything has been updated, if the runs by
        themselves would compute something else.
        """
        if not self._verified:
            self._verify(x)
        with self._trainers[0].autocast():
            logits = self.forward(x)  # (K*b, classes)
        losses = mean_losses(logits, y, len(self._runs))
        found = torch.autograd.grad(losses.sum(), self._leaves, allow_unused=True)
        used = [i for i, grad in enumerate(found) if grad is not None]
        if used != self._used:
            self._use(used)
        self._keep([grad for grad in found if grad is not None])
        return losses.detach()

    def update(self) -> None:
        """Step every optimizer."""
        with torch.no_grad():
            self._step()
        if not self._held:
            self._held = _held(self._runs)

    def _keep(self, found: list[Tensor]) -> None:
        """Copy the gradients that are not in their place already."""
        pairs = zip(self._into, found, strict=True)
        moved = [(into, g) for into, g in pairs if g.data_ptr() != into.data_ptr()]
        if moved:
            torch._foreach_copy_([into for into, _ in moved], [g for _, g in moved])

    def check(self) -> None:
        """Raise RuntimeError if something gave a run's model other tensors than its views."""
        moved = _places(self._runs) != self._places or not self._gradients_in_place()
        held = _held(self._runs) if self._held else []
        if moved or list(map(id, held)) != list(map(id, self._held)):
            raise RuntimeError(
                "a tensor of a model, a gradient or a part of an optimizer was replaced, frozen or "
                "thawed while in a pack: the method must declare packable = False"
            )

    def settle(self) -> None:
        """Dropout draws from the runs' own generators."""

    def _gradients_in_place(self) -> bool:
        columns = ((self._trained[i], self._grads[i]) for i in self._used)
        pairs = (pair for column, stack in columns for pair in zip(column, stack, strict=True))
        return all(p.grad is not None and p.grad.data_ptr() == g.data_ptr() for p, g in pairs)

    def _use(self, used: list[int]) -> None:
        """Let the runs have gradients of those parameters that the last batch depended on."""
        for parameter in chain.from_iterable(self._trained):
            parameter.grad = None
        for i in used:
            for parameter, view in zip(self._trained[i], self._grads[i], strict=True):
                parameter.grad = view
        self._used, self._into = used, [self._grads[i] for i in used]
        self._step = self._stepper()
        self._held = []

    def _verify(self, x: Tensor) -> None:
        """Raise CannotPack unless the runs are the same together as alone, in each format used."""
        with torch.autocast(x.device.type, enabled=False):
            verify(self.forward, self._runs, self._state, x)
        if self._trainers[0].recipe.amp != "off":
            with self._trainers[0].autocast():
                verify(self.forward, self._runs, self._state, x)
        self._verified = True


def release(run: Run) -> None:
    """Give a run that has left a pack tensors of its own."""
    for parameter in run.model.parameters():
        parameter.data, parameter.grad = parameter.detach().clone(), None
    for module in run.model.modules():
        for name, buffer in module._buffers.items():
            module._buffers[name] = None if buffer is None else buffer.clone()


def _columns(runs: Sequence[Run]) -> list[list[Tensor]]:
    """For each parameter of a model, that of every run."""
    return [list(column) for column in zip(*(run.model.parameters() for run in runs), strict=True)]


def _places(runs: Sequence[Run]) -> list[tuple[int, bool]]:
    """Where in memory the parameters and buffers of all models are, and which are trained."""
    models = [run.model for run in runs]
    held = chain.from_iterable((*model.parameters(), *model.buffers()) for model in models)
    return [(tensor.data_ptr(), tensor.requires_grad) for tensor in held]


def _held(runs: Sequence[Run]) -> list[Any]:
    """The groups and the state of all optimizers, which their ready updates hold on to."""
    optimizers = [run.optimizer for run in runs if isinstance(run.optimizer, Lean)]
    states = (state for one in optimizers for state in one.state.values())
    tensors = (value for state in states for value in state.values() if torch.is_tensor(value))
    return [*(group for one in optimizers for group in one.param_groups), *tensors]


def _stack(column: Sequence[Tensor]) -> Tensor:
    return torch.stack([tensor.detach() for tensor in column])


def _stack_buffers(runs: Sequence[Run]) -> dict[int, Tensor]:
    """Stack the buffers of all models, and put views in their places."""
    own = [t for m in runs[0].model.modules() for t in m._buffers.values() if t is not None]
    if len(set(map(id, own))) < len(own):
        raise CannotPack("modules share a buffer")
    found: dict[int, Tensor] = {}
    for modules in zip(*(run.model.modules() for run in runs), strict=True):
        for name, first in modules[0]._buffers.items():
            if first is not None:
                views = list(stack := torch.stack([module._buffers[name] for module in modules]))
                for module, view in zip(modules, views, strict=True):
                    module._buffers[name] = view
                found[id(views[0])] = stack
    return found


def _every(updates: Sequence[Callable[[], Any]]) -> None:
    for update in updates:
        update()
