"""torch's Adam and SGD with next to nothing around their fused kernels.

The numbers are torch's, bit for bit. For a small network torch's wrappers cost more than its
kernels, and their first use imports torch._dynamo, which takes longer than importing torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.autograd import profiler
from torch.optim import optimizer as torch_optimizer
from typing_extensions import override

from espalier.optimizers.stacked import stacked_by
from espalier.optimizers.stacked_adam import AdamStack
from espalier.optimizers.stacked_sgd import SGDStack
from espalier.surgery.restarts.update_rates import Rate, StepSettings

_STEPPED: WeakKeyDictionary[torch.optim.Optimizer, StepSettings] = WeakKeyDictionary()
_ONE = torch.ones(())  # adding a tensor takes a CPU less than half the time of adding a number
BUFFER = "momentum_buffer"
_SETTINGS = itemgetter("lr", "betas", "weight_decay", "eps", "amsgrad", "maximize")


def _without_dynamo(method: Any) -> Any:
    """Return `method` without the wrapper that imports torch._dynamo."""
    return getattr(method, "__wrapped__", method)


def _sees_to_hooks(step: Any) -> Any:
    """Mark a `step` that torch need not wrap for hooks and profilers."""
    step.hooked = True
    return step


class Lean(torch.optim.Optimizer, ABC):
    """Base of the lean optimizers: all that is not the update.

    Hooks and profilers see every step, as with any torch optimizer. Nothing but torch's own
    `state` and `param_groups` is kept between steps, so parameters, gradients and state may be
    rebound to other tensors at any time. It is an `UpdateRates`.
    """

    rate_multipliers: Mapping[Tensor, Rate] = MappingProxyType({})

    add_param_group = _without_dynamo(torch.optim.Optimizer.add_param_group)
    state_dict = _without_dynamo(torch.optim.Optimizer.state_dict)
    load_state_dict = _without_dynamo(torch.optim.Optimizer.load_state_dict)
    _zero_grad = _without_dynamo(torch.optim.Optimizer.zero_grad)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset all gradients, to None by default."""
        if not set_to_none:
            self._zero_grad(set_to_none=False)
            return
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    @_sees_to_hooks
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update once; return the closure's loss, if there is a closure.

        Under `torch.compile` the graph ends before and begins anew after it: there is nothing to
        compile around a fused kernel, and a graph would not see what else the step changes.
        """
        if torch.compiler.is_compiling():
            return _step_eagerly(self, closure)
        return (_watched_step if self.has_hooks() else Lean._step)(self, closure)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy needs: all but hooks, which torch does not copy, and patches."""
        left = ("step", *(name for name in vars(self) if name.endswith("_hooks")))
        return {name: value for name, value in vars(self).items() if name not in left}

    def has_hooks(self) -> bool:
        """Return whether a hook or a profiler waits for its steps."""
        return bool(
            self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
            or torch_optimizer._global_optimizer_pre_hooks
            or torch_optimizer._global_optimizer_post_hooks
            or profiler._is_profiler_enabled
        )

    def _step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._stepped.keep(self.param_groups)
        with torch.no_grad():
            self._update()
        return loss

    def bind(self) -> Callable[[], None]:
        """Return `step` made ready: valid until a parameter, gradient or state is rebound.

        Saves most of what a step of a small network costs beside its kernels.
        """
        if self.has_hooks():
            return lambda: self.step() and None
        self.forget_settings()
        self.part_counters()
        ready: list[Callable[[], None]] = []

        def update() -> None:
            if not ready:
                self._update()
                ready.extend(self.kernel_calls())  # now that there is state
                return
            self.before_update()
            for kernel in ready:
                kernel()
            self.after_update()

        return update

    def _update(self) -> None:
        """Update all parameters that have a gradient."""
        self.part_counters()  # before a guard resets any
        self.before_update()
        for kernel in self.kernel_calls():
            kernel()
        self.after_update()

    def part_counters(self) -> None:  # noqa: B027
        """Give states of their own to parameters that do not all step."""

    def before_update(self) -> None:  # noqa: B027  # most only update
        """Change the gradients before the update."""

    def after_update(self) -> None:  # noqa: B027
        """Act on the new parameters and state."""

    def kernel_calls(self) -> list[Callable[[], None]]:
        """Return the kernel calls that update all parameters which have a gradient."""
        return [
            self._kernel(group, parameters)
            for group in self.param_groups
            for parameters in _alike([p for p in group["params"] if p.grad is not None])
        ]

    def effective_lr(self, lr: Rate) -> Rate:
        """Return the learning rate of this step, for a group's own `lr`."""
        return lr

    def last_settings(self, group: dict[str, Any]) -> Mapping[str, Any]:
        """Return a group's settings at the last `step`; as they are now for one made by `bind`."""
        return self._stepped.of(group)

    def forget_settings(self) -> None:
        """Forget the settings of the last `step`: what updates next does not keep its own."""
        self._stepped.forget()

    @property
    def _stepped(self) -> StepSettings:
        return _STEPPED.setdefault(self, StepSettings())

    def begin_state(self, parameters: list[Tensor], name: str) -> list[Tensor]:
        """Return the state `name` of each parameter, in its shape; zeros where there is none."""
        states = [(p, self.state[p]) for p in parameters]
        for parameter, state in states:
            if name not in state:
                state[name] = torch.zeros_like(parameter)
        return [state[name] for _, state in states]

    @abstractmethod
    def _kernel(self, group: dict[str, Any], parameters: list[Tensor]) -> Callable[[], None]:
        """Return the call for `parameters` of `group`, 1 or more of one device and format."""

    def _scaling(self) -> dict[str, Tensor | None]:
        """Return what a GradScaler has left for the kernel, if one drives this step."""
        return {name: getattr(self, name, None) for name in ("grad_scale", "found_inf")}


@torch._disable_dynamo  # type: ignore[attr-defined]  # imports the compiler only when called
def _step_eagerly(optimizer: Lean, closure: Callable[[], Any] | None) -> Any:
    return optimizer.step(closure)


_watched_step = torch.optim.Optimizer.profile_hook_step(Lean._step)


def _alike(parameters: list[Tensor]) -> list[list[Tensor]]:
    """Split by device and number format: given several, a fused kernel computes nonsense."""
    kinds = dict.fromkeys((p.device, p.dtype) for p in parameters)
    if len(kinds) == 1:
        return [parameters]
    return [[p for p in parameters if (p.device, p.dtype) == kind] for kind in kinds]


def _gradients(parameters: list[Tensor]) -> list[Any]:
    return [p.grad for p in parameters]


@stacked_by(AdamStack)
class LeanAdam(Lean, torch.optim.Adam):
    """torch's fused Adam or, with `decoupled_weight_decay`, AdamW; `options` are Adam's own.

    Parameters that began together share the tensor that counts their steps, until one of them is
    without a gradient: to add to six such tensors takes a CPU 24 microseconds, more than the rest.
    """

    def __init__(self, params: Iterable[Any], lr: float, **options: Any) -> None:
        super().__init__(params, lr, fused=True, **options)

    @override
    def kernel_calls(self) -> list[Callable[[], None]]:
        self.part_counters()
        return super().kernel_calls()

    @override
    def part_counters(self) -> None:
        """Give every state of a group a counter of its own if not all of its parameters step."""
        for group in self.param_groups:
            if any(p.grad is None for p in group["params"]):
                for state in (self.state[p] for p in group["params"] if self.state.get(p)):
                    counter = state.get("step")
                    if counter is not None:
                        state.update(step=counter.clone())

    @override
    def _kernel(self, group: dict[str, Any], parameters: list[Tensor]) -> Callable[[], None]:
        return self.begin_call(group, parameters, AdamCall)

    def begin_call(
        self, group: dict[str, Any], parameters: list[Tensor], kind: type[AdamCall]
    ) -> AdamCall:
        """Return the call for `parameters` of `group`, whose state is there from now on."""
        states = [self.state[p] for p in parameters]
        if not all(states):
            _begin(parameters, states, group["amsgrad"])
        return kind(self, group, parameters, states)


class AdamCall:
    """The fused kernel for parameters of one group, ready to be called at every step."""

    def __init__(
        self,
        optimizer: LeanAdam,
        group: dict[str, Any],
        parameters: list[Tensor],
        states: list[dict[str, Tensor]],
    ) -> None:
        """States have been begun."""
        self._optimizer, self.group = optimizer, group
        steps = [state["step"] for state in states]
        self.counters = list({id(step): step for step in steps}.values())
        fused: Any = (torch._fused_adam_, torch._fused_adamw_)
        self.kernel = fused[bool(group["decoupled_weight_decay"])]
        self.tensors = (
            parameters,
            _gradients(parameters),
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [state["max_exp_avg_sq"] for state in states] if group["amsgrad"] else [],
            steps,
        )

    def settings(self) -> tuple[Any, ...]:
        """Return the kernel's arguments beside its tensors, in the order of `_SETTINGS`."""
        rate, *rest = _SETTINGS(self.group)
        return (self._optimizer.effective_lr(rate), *rest)

    def __call__(self) -> None:
        """Update once."""
        scaling = self._optimizer._scaling()
        count_step(self.counters)
        fused(self.kernel, self.tensors, self.settings(), scaling)
        if scaling["found_inf"] is not None:  # then the kernel did nothing
            torch._foreach_sub_(self.counters, [scaling["found_inf"]] * len(self.counters))


def count_step(counters: list[Tensor]) -> None:
    """Add 1 to each of `counters`, 1 or more of one device."""
    torch._foreach_add_(counters, [_ONE] * len(counters) if counters[0].is_cpu else 1)


def fused(
    kernel: Any, tensors: Any, settings: tuple[Any, ...], scaling: dict[str, Tensor | None]
) -> None:
    """Call a fused Adam with the `settings` of an `AdamCall`."""
    rate, (beta1, beta2), decay, eps, amsgrad, maximize = settings
    kernel(
        *tensors,
        lr=rate,
        beta1=beta1,
        beta2=beta2,
        weight_decay=decay,
        eps=eps,
        amsgrad=amsgrad,
        maximize=maximize,
        **scaling,
    )


def _begin(parameters: list[Tensor], states: list[dict[str, Tensor]], amsgrad: bool) -> None:
    """Initialize the states that are empty."""
    names = ["exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if amsgrad else [])]
    step = torch.zeros((), dtype=torch.float32, device=parameters[0].device)
    for parameter, state in zip(parameters, states, strict=True):
        if not state:
            state["step"] = step
            state.update({name: torch.zeros_like(parameter) for name in names})


@stacked_by(SGDStack)
class LeanSGD(Lean, torch.optim.SGD):
    """torch's fused SGD; `options` are its own."""

    def __init__(self, params: Iterable[Any], lr: float, **options: Any) -> None:
        super().__init__(params, lr, fused=True, **options)

    @override
    def _kernel(self, group: dict[str, Any], parameters: list[Tensor]) -> Callable[[], None]:
        running: list[Tensor] = []
        fresh: list[Tensor] = []  # their momentum begins as the gradient
        for p in parameters:
            if group["momentum"] == 0 or self.state[p].get(BUFFER) is not None:
                running.append(p)
            else:
                fresh.append(p)
                self.state[p][BUFFER] = torch.zeros_like(p)
        parts = [(part, part is fresh) for part in (running, fresh) if part]
        calls = [self._call(group, part, first=first) for part, first in parts]
        return calls[0] if len(calls) == 1 else lambda: _every(calls)

    def _call(
        self, group: dict[str, Any], parameters: list[Tensor], *, first: bool
    ) -> Callable[[], None]:
        gradients = _gradients(parameters)
        buffers = [self.state[p][BUFFER] for p in parameters] if group["momentum"] != 0 else []

        def update() -> None:
            torch._fused_sgd_(
                parameters,
                gradients,
                buffers,
                lr=group["lr"],
                momentum=group["momentum"],
                dampening=group["dampening"],
                weight_decay=group["weight_decay"],
                nesterov=group["nesterov"],
                maximize=group["maximize"],
                is_first_step=first,
                **self._scaling(),
            )

        return update


def _every(calls: list[Callable[[], None]]) -> None:
    for call in calls:
        call()
