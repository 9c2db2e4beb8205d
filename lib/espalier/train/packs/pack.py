"""K runs trained as one program.

Parameters, buffers and gradients live in stacks (K, ...); those of each run's ordinary module are
views into them. So a method, an optimizer or an evaluation works on one run of a pack as on a run
alone, except that tensors behind parameters are replaced when other runs leave the pack.

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
from espalier.optimizers.stacked import Stack, stack_optimizers
from espalier.optimizers.together import combine_steps
from espalier.train.engine.losses import mean_losses
from espalier.train.engine.trainer import Trainer
from espalier.train.packs.fold_verification import verify_fold
from espalier.train.packs.pack_compatibility import has_hooks

StackUpdates = Callable[..., Callable[[], Any] | None]
"""Returns one update of all optimizers, or None if each must step by itself."""


class Pack:
    """Forward, backward and update of K runs of one structure (see `same_structure`)."""

    def __init__(
        self,
        trainers: Sequence[Trainer],
        verified: bool = False,
        stack_updates: StackUpdates | None = None,
    ) -> None:
        """Move the runs' tensors into stacks.

        `verified` runs have been in a pack before. By default updates are stacked by
        `stack_optimizers` on any device but a CPU. Raises CannotPack.
        """
        on_cpu = trainers[0].device.type == "cpu"
        self._stack_updates = stack_updates or (None if on_cpu else stack_optimizers)
        self._trainers, self._runs = trainers, [trainer.run for trainer in trainers]
        models = [run.model.parameters() for run in self._runs]
        self._params = list(zip(*models, strict=True))  # for each parameter, that of every run
        stacks = {**self._stack_parameters(), **_stack_buffers(self._runs)}
        self._places = _places(self._runs)
        generators = [run.generators["dropout"] for run in self._runs]
        into = {id(leaf): grad for leaf, grad in zip(self._leaves, self._grads, strict=True)}
        self._state = Stacked(len(self._runs), stacks, generators, into)
        self.forward = folded(self._runs[0].model, self._state, RULES)
        self._held: list[Any] = []  # what the optimizers compute with, complete after a step
        self._use(list(range(len(self._leaves))))
        self.forward.train()
        self._verified = verified

    def _stack_parameters(self) -> dict[int, Tensor]:
        leaves = [
            torch.stack([parameter.detach() for parameter in column]).requires_grad_(
                column[0].requires_grad
            )
            for column in self._params
        ]
        trained = [i for i, leaf in enumerate(leaves) if leaf.requires_grad]
        self._leaves = [leaves[i] for i in trained]
        self._grads = [torch.zeros_like(leaf) for leaf in self._leaves]
        self._trained = [self._params[i] for i in trained]
        for column, leaf in zip(self._params, leaves, strict=True):
            for parameter, view in zip(column, leaf.detach(), strict=True):
                parameter.data = view
        return {id(column[0]): leaf for column, leaf in zip(self._params, leaves, strict=True)}

    def _stepper(self) -> Callable[[], Any]:
        """Return the update of all optimizers, valid for the current parameters and gradients."""
        optimizers = [run.optimizer for run in self._runs]
        if self._stack_updates is not None:
            pairs = [(self._leaves[i], self._grads[i]) for i in self._used]
            columns = [self._trained[i] for i in self._used]
            stack = self._stack_updates(optimizers, columns, pairs)
            if stack is not None:
                return stack
        updates = combine_steps(optimizers)
        return lambda: [update() for update in updates]

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return losses (K,) of a batch x (K*b, ...), y (K*b,); the gradients are in the runs.

        Raises CannotPack at the first batch, before anything has been updated, if the runs by
        themselves would compute something else.
        """
        if not self._verified:
            self.verify(x)
        with self._trainers[0].autocast():
            logits = self.forward(x)  # (K*b, classes)
        losses = mean_losses(logits, y, len(self._runs))
        grads = torch.autograd.grad(
            losses, self._leaves, losses.new_ones(len(losses)), allow_unused=True
        )
        used = [i for i, grad in enumerate(grads) if grad is not None]
        if used != self._used:
            self._use(used)
        self._keep([grad for grad in grads if grad is not None])
        return losses.detach()

    def update(self) -> None:
        """Step every optimizer."""
        with torch.no_grad():
            self._step()
        if not self._held:
            self._held = _optimizer_parts(self._runs)

    @property
    def stack(self) -> Stack | None:
        """What steps all optimizers at once; None if each steps by itself."""
        return self._step if isinstance(self._step, Stack) else None

    def _keep(self, grads: list[Tensor]) -> None:
        """Copy the gradients that are not in their place already."""
        pairs = zip(self._into, grads, strict=True)
        moved = [(into, g) for into, g in pairs if g.data_ptr() != into.data_ptr()]
        if moved:
            torch._foreach_copy_([into for into, _ in moved], [g for _, g in moved])

    def check(self) -> None:
        """Raise RuntimeError if a run's model is no more what is computed with.

        Its tensors must be views into the stacks. Hooks would not be run.
        """
        moved = _places(self._runs) != self._places or not self._gradients_in_place()
        held = _optimizer_parts(self._runs) if self._held else []
        if moved or list(map(id, held)) != list(map(id, self._held)):
            raise RuntimeError(
                "a tensor of a model, a gradient or a part of an optimizer was replaced, frozen or "
                "thawed while in a pack: the method must declare packable = False"
            )
        if any(has_hooks(run.model) for run in self._runs):
            raise RuntimeError(
                "a hook was registered on a module or parameter while in a pack, where it is not "
                "run: the method must declare packable = False"
            )

    def store_generators(self) -> None:
        """Do nothing: dropout draws from the runs' own generators."""

    def _gradients_in_place(self) -> bool:
        columns = ((self._trained[i], self._grads[i]) for i in self._used)
        pairs = (pair for column, stack in columns for pair in zip(column, stack, strict=True))
        return all(p.grad is not None and p.grad.data_ptr() == g.data_ptr() for p, g in pairs)

    def _use(self, used: list[int]) -> None:
        """Give the runs gradients of those parameters that the last batch depended on."""
        for parameter in chain.from_iterable(self._trained):
            parameter.grad = None
        for i in used:
            for parameter, view in zip(self._trained[i], self._grads[i], strict=True):
                parameter.grad = view
        self._used, self._into = used, [self._grads[i] for i in used]
        self._step = self._stepper()
        self._held = []

    def verify(self, x: Tensor) -> None:
        """Raise CannotPack unless the runs are the same together as alone, in each format used."""
        with torch.autocast(x.device.type, enabled=False):
            verify_fold(self.forward, self._runs, self._state, x)
        if self._trainers[0].recipe.amp != "off":
            with self._trainers[0].autocast():
                verify_fold(self.forward, self._runs, self._state, x)
        self._verified = True


def release(run: Run) -> None:
    """Give a run that has left a pack tensors of its own."""
    for parameter in run.model.parameters():
        parameter.data, parameter.grad = parameter.detach().clone(), None
    for module in run.model.modules():
        for name, buffer in module._buffers.items():
            module._buffers[name] = None if buffer is None else buffer.clone()


def _places(runs: Sequence[Run]) -> list[tuple[int, bool]]:
    """Return the addresses of the parameters and buffers of all models, and which are trained."""
    models = [run.model for run in runs]
    tensors = chain.from_iterable((*model.parameters(), *model.buffers()) for model in models)
    return [(tensor.data_ptr(), tensor.requires_grad) for tensor in tensors]


def _optimizer_parts(runs: Sequence[Run]) -> list[Any]:
    """Return the groups and the state of all optimizers, which their prepared updates hold."""
    optimizers = [run.optimizer for run in runs if isinstance(run.optimizer, Lean)]
    states = (state for optimizer in optimizers for state in optimizer.state.values())
    tensors = (value for state in states for value in state.values() if torch.is_tensor(value))
    return [*chain.from_iterable(optimizer.param_groups for optimizer in optimizers), *tensors]


def _stack_buffers(runs: Sequence[Run]) -> dict[int, Tensor]:
    """Stack the buffers of all models, and put views in their places."""
    own = [t for m in runs[0].model.modules() for t in m._buffers.values() if t is not None]
    if len(set(map(id, own))) < len(own):
        raise CannotPack("modules share a buffer")
    stacks: dict[int, Tensor] = {}
    for modules in zip(*(run.model.modules() for run in runs), strict=True):
        for name, first in modules[0]._buffers.items():
            if first is not None:
                views = list(stack := torch.stack([module._buffers[name] for module in modules]))
                for module, view in zip(modules, views, strict=True):
                    module._buffers[name] = view
                stacks[id(views[0])] = stack
    return stacks
