"""Pairs inside chains of `nn.Sequential`s, without a pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from espalier.surgery.pairing.neuron_places import NoPath
from espalier.surgery.pairing.pair_layers import NORMS, by_output, is_layer, spatial_dims, why_not
from espalier.surgery.pairing.pair_paths import Path, Uses
from espalier.surgery.pairing.pair_steps import POOLING_MODULES, is_known

_Chain = list[tuple[str, nn.Module]]


def chain_paths(model: nn.Module) -> Iterator[tuple[nn.Module, Path | NoPath]]:
    """Yield, for each layer of a chain that another follows, its path or why it has none.

    In the model's own order. Layers that are used twice have none.
    """
    uses = Uses.of(model)
    for chain in _chains("", model):
        for start, (_, module) in enumerate(chain):
            if is_layer(module):
                try:
                    path = _path_at([m for _, m in chain[start:]])
                    uses.check(path)
                    _check_alone(path, uses)
                    yield module, path
                except NoPath as error:
                    yield module, error


def _chains(name: str, module: nn.Module) -> Iterator[_Chain]:
    """Yield maximal runs of modules each of which gets the output of the one before."""
    chain = list(_unrolled(name, module))
    if len(chain) > 1:
        yield chain
    for inner_name, inner in chain:
        for child_name, child in inner.named_children():
            yield from _chains(_joined(inner_name, child_name), child)


def _unrolled(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules of nested `nn.Sequential`s in a row, or `module` itself."""
    if type(module).forward is not nn.Sequential.forward:
        yield name, module
        return
    for child_name, child in module._modules.items():
        if child is not None:
            yield from _unrolled(_joined(name, child_name), child)


def _joined(name: str, child: str) -> str:
    return f"{name}.{child}" if name else child


def _path_at(modules: Sequence[nn.Module]) -> Path:
    """Return the path that begins at the first of a chain's modules. Raises NoPath."""
    producer, *rest = modules
    end = next((i for i, module in enumerate(rest) if is_layer(module)), None)
    if end is None:
        raise NoPath("no layer follows it in its chain")
    consumer, inner = rest[end], rest[:end]
    for layer, of in ((producer, ""), (consumer, f"of its reader, a {type(consumer).__name__}: ")):
        reason = why_not(layer)
        if reason is not None:
            raise NoPath(of + reason)
    norms = [module for module in inner if isinstance(module, NORMS)]
    others = tuple(module for module in inner if not isinstance(module, NORMS))
    per = _inputs_of_each(producer, inner, consumer)
    if len(norms) > 1 or any(n.num_features != by_output(_any(producer)).shape[0] for n in norms):
        raise NoPath("there are two normalisations before its reader, or one of another width")
    norm, norm_at = (norms[0], inner.index(norms[0])) if norms else (None, 0)
    after = next((m for m in rest[end + 1 : end + 2] if isinstance(m, NORMS)), None)
    return Path((_any(producer),), norm, norm_at, others, _any(consumer), after, per)


def _any(layer: nn.Module) -> Any:
    return layer


def _inputs_of_each(producer: Any, inner: Sequence[nn.Module], consumer: Any) -> int:
    """Return how many of the consumer's inputs a neuron feeds. Raises NoPath."""
    for module in inner:
        if not is_known(module):
            raise NoPath(f"{type(module).__name__} may mix its neurons")
    made, read = spatial_dims(producer), spatial_dims(consumer)
    flat = [module for module in inner if isinstance(module, nn.Flatten)]
    pooled = any(isinstance(module, POOLING_MODULES) for module in inner)
    whole = all(module.start_dim == 1 and module.end_dim == -1 for module in flat)
    per, left = divmod(by_output(consumer).shape[1], by_output(producer).shape[0])
    alike = made == read and per == 1 and not (made and flat)
    fits = alike or (made > read == 0 and bool(flat))
    if left or not fits or not whole or per == 0 or (pooled and not made):
        raise NoPath(f"a {type(consumer).__name__} reads it along another dimension")
    return per


def _check_alone(path: Path, uses: Uses) -> None:
    """Raise NoPath if one of the path's modules is in the model twice."""
    modules = (*path.producers, path.norm, path.consumer, path.after)
    if any(uses.modules[id(m)] != 1 for m in modules if m is not None):
        raise NoPath("one of its layers is in the model twice")
