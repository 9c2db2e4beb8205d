"""A method in a loop of the user's own: the same dataclass, driven from `step()`.

    method = RigL(model, optimizer, density=0.1, total_steps=10_000)
    ...
    loss.backward()
    optimizer.step()
    method.step()

Source: each method's own file. Differs from the harness in where gradients of missing weights come
from: they are the user's, caught before they are masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, TypedDict

import torch
from torch import Tensor, nn

from espalier.core.arguments import check_count
from espalier.core.contracts import Method, ReadsGradients
from espalier.core.samples import Samples
from espalier.core.self_measuring import Measures
from espalier.methods.own_loop.argument_checks import as_value_errors, check_kinds, check_weights
from espalier.methods.own_loop.gradient_sums import GradientSums, Share
from espalier.methods.own_loop.own_run import OwnRun
from espalier.methods.rewiring.sparse_training import Sparse
from espalier.sparse import processes
from espalier.sparse.mask import MaskSet
from espalier.sparse.masked_arrivals import MaskedArrivals
from espalier.sparse.prunable import Layers, cover
from espalier.sparse.pruner import Pruner

Masked: TypeAlias = Pruner | Sparse
"""The state of a method that masks weights."""


class LoopOptions(TypedDict, total=False):
    """What all classes take by name."""

    layers: Layers  # names, `*` standing for anything, of what alone is masked
    seed: int  # of what is drawn at random; the same in all processes


class OwnLoop:
    """Base of the classes: what a method does in anybody's loop.

    After every `step()` a pruned weight is exactly 0, and so is its state in the optimizer,
    whatever has written there. Its gradient is masked as it arrives. `run` and `method` are the
    harness's.
    """

    samples: Samples | None = None  # what a criterion looks at; set before this constructor runs

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        method: Method[Any],
        total_steps: int,
        options: LoopOptions,
    ) -> None:
        """Attach `method`. Raises ValueError or TypeError, with the layer or the argument."""
        check_kinds(model, optimizer)
        layers, seed = options.get("layers"), options.get("seed", 0)
        check_count("seed", seed, 0)
        coverage = cover(model, layers).require(type(self).__name__)
        check_weights(coverage.weights, optimizer)
        self.method = method
        self.scaler: torch.amp.GradScaler | None = None
        self._scale: float | None = None  # of the gradients that are arriving, once it is known
        self.run: OwnRun[Any] = OwnRun(model, optimizer, method, total_steps, seed)
        self.run.layers, self.run.samples = layers, self.samples
        with as_value_errors():
            self.run.attach()
        self._listen()

    @property
    def masks(self) -> MaskSet:
        """The masks, with the weights by name."""
        state: Masked = self.run.method_state
        return state.masks

    @property
    def sparsity(self) -> float:
        """The share of the weights that can be masked and are, in [0, 1]."""
        return self.masks.sparsity

    @property
    def steps(self) -> int:
        """The updates that have been counted."""
        return self.run.step

    def measures(self) -> Measures:
        """Return what the harness records: `sparsity`, `live_parameters` and the method's own."""
        return self.method.measures(self.run)

    def step(self) -> None:
        """Act after an update of the optimizer, one call for each; before schedulers step.

        Raises RuntimeError if no gradient has ever come to the weights.
        """
        if torch.compiler.is_compiling():
            _step_eagerly(self)
        else:
            self._step()

    @torch.no_grad()
    def _step(self) -> None:
        self._check_arrived()
        self.masks.enforce(self.run.optimizer)
        if not self._take_gradients():
            return
        self.run.step = self.run.epoch = self.run.step + 1
        before = self.masks.mask
        self._average()
        self.method.after_step(self.run)
        if self.masks.mask is not before:
            self.masks.mask_gradients()
        if self.run.step == 1 and self.masks.mask is not None:
            processes.check_equal({"the masks": self.masks.mask})

    def _check_arrived(self) -> None:
        if not self._arrivals.arrived and self.run.step == 0:
            raise RuntimeError(
                f"{type(self).__name__}.step(): no gradient has come to the model's weights yet; "
                "call it after loss.backward() and optimizer.step(), for the model that is trained"
            )

    def _take_gradients(self) -> bool:
        """Give the method what has arrived; return False for an event that has to wait.

        One whose gradients overflowed, so that loss scaling has skipped its update, follows the
        next update instead.
        """
        method, sums, step = self.method, self._sums.take(), self.run.step + 1
        scale, self._scale = self._scale, None
        if not isinstance(method, ReadsGradients) or not method.reads_at(self.run, step):
            return True
        if method.acts_at(self.run, step) and not processes.all_true(_are_finite(sums)):
            return False
        if scale is not None:
            sums = [None if x is None else x.div_(scale) for x in sums]
        method.take_gradients(self.run, sums)
        return True

    def _average(self) -> None:
        """Let all processes see the same before masks change: each has data of its own."""
        method = self.method
        if isinstance(method, ReadsGradients) and method.acts_at(self.run, self.run.step):
            processes.average(method.from_data(self.run))

    def reading(self) -> Share | None:
        """Return what the method sums of the gradients that arrive now; None: nothing."""
        method = self.method
        if not isinstance(method, ReadsGradients):
            return None
        if not method.reads_at(self.run, self.run.step + 1):
            return None
        if self.scaler is not None and self._scale is None:  # `update` changes it before `step`
            self._scale = self.scaler.get_scale()
        return method.from_gradient

    def _listen(self) -> None:
        weights, reads = self.masks.weights, isinstance(self.method, ReadsGradients)
        self._arrivals = MaskedArrivals(self.masks)
        self._sums = GradientSums(weights if reads else [], self)

    def remove(self) -> None:
        """Remove the hooks from the model's weights: gradients are masked no longer."""
        self._arrivals.remove()
        self._sums.remove()

    def state_dict(self) -> dict[str, Any]:
        """Return plain data and tensors, to be saved with the model's and the optimizer's state."""
        masks = self.masks
        return {
            "class": type(self).__name__,
            "shapes": {n: tuple(w.shape) for n, w in zip(masks.names, masks.weights, strict=True)},
            "step": self.run.step,
            "generator": self.run.generators["method"].get_state(),
            "method": self.method.state_dict(self.run),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on exactly from what `state_dict` returned; load the model before or after.

        Raises ValueError if it is of another model or class.
        """
        self._check_state(state_dict)
        self.run.step = self.run.epoch = int(state_dict["step"])
        self.run.generators["method"].set_state(state_dict["generator"].cpu())
        self.method.load_state_dict(self.run, state_dict["method"])
        self.masks.enforce(self.run.optimizer)

    def _check_state(self, saved: Mapping[str, Any]) -> None:
        own, kind = self.state_dict(), type(self).__name__
        if not isinstance(saved, Mapping):
            raise ValueError(f"state_dict: is a {type(saved).__name__}, and no state of a {kind}")
        if saved.get("class") != kind:
            raise ValueError(f"state_dict: is of {saved.get('class')}, and this is a {kind}")
        missing = [name for name in own if name not in saved]
        if missing:
            raise ValueError(f"state_dict: has no {' and no '.join(missing)}")
        for name in {**own["shapes"], **saved["shapes"]}:
            here, there = own["shapes"].get(name), saved["shapes"].get(name)
            if here is None or there is None or tuple(here) != tuple(there):
                raise ValueError(f"state_dict: {name} has the shape {here} here and {there} there")

    def __getstate__(self) -> dict[str, Any]:
        return {k: x for k, x in vars(self).items() if k not in ("_arrivals", "_sums")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Listen to the weights of the copy, to which hooks do not come along."""
        vars(self).update(state)
        self._listen()


@torch._disable_dynamo  # type: ignore[attr-defined]
def _step_eagerly(loop: OwnLoop) -> None:
    """Step outside of any graph: what is decided here depends on numbers and on the step."""
    loop._step()


def _are_finite(sums: list[Tensor | None]) -> bool:
    norms = [torch.linalg.vector_norm(x) for x in sums if x is not None]
    return not norms or bool(torch.isfinite(torch.stack(norms)).all())
