"""The graph of what a model makes of the outputs of its layers, recorded in a forward pass.

Recorded are all functions of torch that a tensor goes through which comes from a linear layer or a
convolution, and the modules that are one step: those of torch without modules inside. Not seen is
what happens outside of torch.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from espalier.surgery.pairing.pair_layers import is_layer

# Functions that give numbers to Python, or write; others without a tensor as result give sizes.
_VALUES = {
    *("item", "tolist", "numpy", "equal", "allclose", "is_nonzero", "__bool__", "__int__"),
    *("__float__", "__complex__", "__index__", "__array__", "__contains__"),
    *("__setitem__", "__set__"),
}

Stamp: TypeAlias = tuple[Tensor, int]
"""A tensor, and how often it had been written to."""

_recording: ContextVar[bool] = ContextVar("recording", default=False)


@dataclass(frozen=True)
class Example:
    """The arguments of a forward pass."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, example: Any) -> Example:
        """Take a tensor, a tuple of arguments, or a mapping of arguments by name."""
        if isinstance(example, Example):
            return example
        if isinstance(example, Mapping):
            return cls((), example)
        return cls(tuple(example) if isinstance(example, tuple | list) else (example,))


@dataclass(eq=False)
class Node:
    """One step: a module or a function, its arguments, and who reads its result.

    In `args` and `kwargs` nodes stand for the tensors that were recorded.
    """

    step: nn.Module | Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shape: torch.Size
    number: int  # in the order of the pass
    alone: bool = True  # it has one tensor as its result
    in_place: bool = False
    readers: list[Node] = field(default_factory=list)
    is_output: bool = False

    @property
    def inputs(self) -> list[Node]:
        """The nodes among the arguments."""
        return [x for x in leaves((self.args, self.kwargs)) if isinstance(x, Node)]

    @property
    def label(self) -> str:
        """The name of the module's class, or of the function."""
        if isinstance(self.step, nn.Module):
            return type(self.step).__name__
        return self.step.__name__.strip("_")


@dataclass
class TensorGraph:
    """What was recorded: the calls of each layer, and reads of layers' weights by functions."""

    calls: dict[nn.Module, list[Node]] = field(default_factory=dict)
    weight_reads: dict[Tensor, str] = field(default_factory=dict)
    hooked: set[nn.Module] = field(default_factory=set)  # whose hooks change what goes in or out


def is_recording() -> bool:
    """Whether the forward pass under way is one of `record`."""
    return _recording.get()


def record(model: nn.Module, example: Example, training: bool) -> TensorGraph:
    """Record a forward pass, after which everything is as before.

    Modules are in training mode or all in evaluation; batch normalisation always is in the latter.
    """
    recorder = _Recorder(model)
    with ExitStack() as stack:
        stack.enter_context(_undisturbed(model))
        model.train(training)
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.training = False
        stack.enter_context(recorder.hooks(model))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(recorder)
        output = model(*example.args, **example.kwargs)
    recorder.finish(output)
    return recorder.graph


@contextmanager
def _undisturbed(model: nn.Module) -> Iterator[None]:
    """Restore modes, buffers and random generators at the end; compiled code runs uncompiled."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    devices = sorted({p.get_device() for p in model.parameters() if p.is_cuda})
    state = random.getstate()
    token = _recording.set(True)
    try:
        with torch.random.fork_rng(devices), torch.compiler.set_stance("force_eager"):
            yield
    finally:
        _recording.reset(token)
        random.setstate(state)
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for module, name, buffer, value in buffers:
                module._buffers[name] = buffer.copy_(value)


class _Recorder(TorchFunctionMode):
    """Follows tensors by their identity; keeps all of them until it is done."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.graph = TensorGraph()
        self._nodes: dict[int, Node] = {}
        self._kept: list[Any] = []
        self._inside = 0
        self._stamps: list[Stamp] = []  # of the arguments or the result that a hook may change
        layers = [module for module in model.modules() if is_layer(module)]
        self._weights = {id(layer.weight): layer.weight for layer in layers}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self._inside:
            return result
        tensors = [x for x in leaves((args, kwargs)) if isinstance(x, Tensor)]
        made = [x for x in leaves(result) if isinstance(x, Tensor)]
        if not made and func.__name__ not in _VALUES:
            return result  # sizes, types, devices
        for tensor in tensors:
            if id(tensor) in self._weights:
                self.graph.weight_reads[tensor] = func.__name__.strip("_")
        if any(id(tensor) in self._nodes for tensor in tensors):
            self._add(func, args, kwargs, result)
        return result

    def _add(self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Node:
        """Add a step; its result is from now on that of this node."""
        made = [x for x in leaves(result) if isinstance(x, Tensor)]
        given = {id(x) for x in leaves((args, kwargs)) if isinstance(x, Tensor)}
        node = Node(
            step,
            self._replaced(args),
            self._replaced(kwargs),
            made[0].shape if made else torch.Size(),
            len(self._kept),
            len(made) == 1,
            any(id(x) in given for x in made),
        )
        for source in node.inputs:
            source.readers.append(node)
        self._kept.append((args, kwargs, result))
        self._nodes.update({id(x): node for x in made})
        return node

    def _replaced(self, tree: Any) -> Any:
        """Put nodes in the places of tensors."""
        return replace_leaves(tree, Tensor, lambda x: self._nodes.get(id(x), x))

    @contextmanager
    def hooks(self, model: nn.Module) -> Iterator[None]:
        """Take modules that are one step as such."""
        handles: list[Any] = []
        for module in model.modules():
            if is_layer(module) or _is_one_step(module):
                handles += [  # the first and the last of a module's hooks, its own between them
                    module.register_forward_pre_hook(self._enter, prepend=True, with_kwargs=True),
                    module.register_forward_pre_hook(self._begin, with_kwargs=True),
                    module.register_forward_hook(self._end, prepend=True),
                    module.register_forward_hook(self._leave, with_kwargs=True),
                ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        del module
        self._inside += 1
        if self._inside == 1:
            self._stamps = _stamps_of((args, kwargs))

    def _begin(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self._compare(module, (args, kwargs))

    def _end(self, module: nn.Module, args: Any, output: Any) -> None:
        del module, args
        if self._inside == 1:
            self._stamps = _stamps_of(output)

    def _compare(self, module: nn.Module, tree: Any) -> None:
        """Note a module whose hooks have put other tensors there, or written to them."""
        if self._inside == 1 and not _are_same(self._stamps, _stamps_of(tree)):
            self.graph.hooked.add(module)

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        self._compare(module, output)
        self._inside -= 1
        if self._inside:
            return
        tensors = [x for x in leaves((args, kwargs)) if isinstance(x, Tensor)]
        if is_layer(module):
            self.graph.calls.setdefault(module, []).append(self._add(module, args, kwargs, output))
        elif any(id(tensor) in self._nodes for tensor in tensors):
            self._add(module, args, kwargs, output)

    def finish(self, output: Any) -> None:
        """Mark what the model puts out."""
        for x in leaves(output):
            if isinstance(x, Tensor) and id(x) in self._nodes:
                self._nodes[id(x)].is_output = True
        self._kept.clear()
        self._nodes.clear()


def _stamps_of(tree: Any) -> list[Stamp]:
    """Return the tensors of a tree, and how often each has been written to."""
    tensors = (x for x in leaves(tree) if isinstance(x, Tensor))
    return [(x, 0 if x.is_inference() else x._version) for x in tensors]


def _are_same(before: list[Stamp], after: list[Stamp]) -> bool:
    pairs = zip(before, after, strict=False)
    return len(before) == len(after) and all(x is y and v == w for (x, v), (y, w) in pairs)


def _is_one_step(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.nn.") and not module._modules


def leaves(tree: Any) -> Iterator[Any]:
    """Yield what is in tuples, lists, mappings and dataclasses of any depth."""
    if isinstance(tree, tuple | list | set):
        for x in tree:
            yield from leaves(x)
    elif isinstance(tree, Mapping):
        for x in tree.values():
            yield from leaves(x)
    elif is_dataclass(tree) and not isinstance(tree, type | Node):
        for each in fields(tree):
            yield from leaves(getattr(tree, each.name, None))
    else:
        yield tree


def replace_leaves(tree: Any, kind: type, replacement: Callable[[Any], Any]) -> Any:
    """Return a copy of tuples, lists and dicts with others in the places of leaves of a kind."""
    if isinstance(tree, kind):
        return replacement(tree)
    if isinstance(tree, tuple | list):
        return tuple(replace_leaves(x, kind, replacement) for x in tree)
    if isinstance(tree, dict):
        return {name: replace_leaves(x, kind, replacement) for name, x in tree.items()}
    return tree
