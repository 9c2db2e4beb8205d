"""Edits of a network of masked blocks: the smallest steps of structural operations.

A `NetworkEditor` holds a network of masked blocks and its optimizer. Its methods keep masks,
births, weights, shapes and optimizer state consistent. The operations that are made of them, and
the reasons why they preserve the network's function, are in
`espalier.methods.growth.structure.operations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from espalier.layers.masked_blocks import Blocks, Pair, chain, dense_gradients, key
from espalier.layers.masked_linear import MaskedLinear
from espalier.layers.reachability import reach
from espalier.methods.growth.structure.edge_editor import EdgeEditor
from espalier.methods.growth.structure.edge_network import At, Batch, LossOf, Observation
from espalier.methods.growth.structure.skeleton import reachable_units, skeleton
from espalier.methods.growth.structure.structural_events import Event
from espalier.sparse.masked_weight import find_births
from espalier.surgery import optimizer_state
from espalier.surgery.probe import evaluating
from espalier.surgery.restarts.per_slice_restart import restart_of
from espalier.surgery.rollback import Rollback


@dataclass
class NetworkEditor(EdgeEditor[Blocks]):
    """An editor of masked blocks, whose units and layers can be added to as well."""

    has_graph: ClassVar[bool] = True
    density_symbol: ClassVar[str] = "CONFIG_BLOCKS_DENSITY"

    @override
    def name(self, pair: Pair) -> str:
        return key(pair)

    @override
    def module_name(self, pair: Pair) -> str:
        return f"blocks.{key(pair)}"

    @override
    def birth_steps(self, weight: Tensor) -> Tensor | None:
        return find_births((block for _, block in self.net.each()), weight)

    @override
    def older(self, parameter: Tensor) -> Tensor:
        born = {unit for event in self.events if event.step == self.step for unit in event.units}
        for (_, node), block in self.net.each():
            if block.weight is parameter:
                return block.births != self.step
            if block.bias is parameter:
                old = [(node, unit) not in born for unit in range(block.outputs)]
                return torch.tensor(old, device=parameter.device)
        raise ValueError("a parameter of no block")

    @override
    def possible_pairs(self) -> list[Pair]:
        return chain(len(self.net.sizes), len(self.net.sizes))

    @override
    def necessary_edges(self) -> dict[Pair, Tensor]:
        return skeleton(self.net)

    @override
    def reached_outputs(self) -> Tensor:
        return reachable_units(self.net)[-1]

    @override
    def units_on_no_path(self) -> int:
        return sum(int(units.sum()) for units in reach(self.net.masks()).dead[1:-1])

    @property
    @override
    def live_parameters(self) -> int:
        return self.net.live + sum(self.net.sizes[1:])

    @override
    def edge_gradients(self, batch: Batch, loss_of: LossOf) -> dict[Pair, Tensor]:
        x, y = batch
        with evaluating(self.net), torch.enable_grad():
            trace = self.net.trace(x)
            return dense_gradients(trace, loss_of(trace.sums[-1], y))

    @override
    def observe(self, batch: Batch, loss_of: LossOf) -> Observation:
        x, y = batch
        with evaluating(self.net), torch.enable_grad():
            trace = self.net.trace(x)
            losses = loss_of(trace.sums[-1], y) * len(x)  # the sum over samples
            gradients = torch.autograd.grad(losses, trace.sums)
        return Observation([value.detach() for value in trace.values], list(gradients))

    @override
    def snapshot(self) -> Rollback:
        return Rollback(self.net, self.optimizer, self.restarts)

    @override
    def state_dict(self) -> dict[str, Any]:
        return {
            "structure": self.net.structure(),
            "groups": optimizer_state.group_places(self.optimizer, self.net.parameters()),
            "step": self.step,
            "births": None if self.restarts is None else self.restarts.state_dict(),
            "events": [vars(event) for event in self.events],
        }

    @override
    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        self.rebuild(saved["structure"], saved["groups"])
        self.step = saved["step"]
        self.events = [Event(**event) for event in saved["events"]]
        if self.restarts is not None:
            self.restarts.load_state_dict(saved["births"])

    @override
    def _add(self, pair: Pair, at: At, weights: Tensor | float) -> None:
        block = self.net.block(*pair)
        block.add(at, self.step, weights)
        self._reset_state(block.weight, at)

    @override
    def _drop(self, pair: Pair, at: At) -> None:
        block = self.net.block(*pair)
        block.remove(at)
        self._reset_state(block.weight, at)

    @torch.no_grad()
    def rebirth(self, pair: Pair, at: At, weights: Tensor | float = 0.0) -> None:
        """Let live edges at rows and columns `at` (n,) of a block be born again now."""
        self._check_live(pair, at)
        self._add(pair, at, weights)

    def _reset_state(self, parameter: Tensor, at: tuple[Tensor, ...]) -> None:
        optimizer_state.reset_elements(self.optimizer, parameter, at)
        if self.restarts is not None:
            self.restarts.note_elements(parameter, at)

    @override
    def block(self, pair: Pair) -> MaskedLinear:
        net, (i, j) = self.net, pair
        if pair not in net.pairs:
            self._check_forward(i, j)
            first = net.blocks[key((j - 1, j))]
            assert isinstance(first, MaskedLinear)
            self.add(pair, _empty(net.sizes[j], net.sizes[i], first.weight))
            self.arrange()
        return net.block(i, j)

    def _check_forward(self, i: int, j: int) -> None:
        if not 0 <= i < j <= self.net.last:
            last = self.net.last
            raise ValueError(f"0 <= i < j <= {last} must hold for a block, but i={i} and j={j}")

    def add(self, pair: Pair, block: MaskedLinear) -> None:
        """Add a block to the network and its optimizer; then call `arrange`."""
        like = next(block for _, block in self.net.each())
        optimizer_state.add_param(self.optimizer, block.weight, like.weight)
        if block.bias is not None:
            assert like.bias is not None  # the first block is one of the chain
            optimizer_state.add_param(self.optimizer, block.bias, like.bias)
        self.net.blocks[key(pair)] = block.to(like.weight)

    def arrange(self) -> None:
        """Put blocks, and the optimizer's parameters, in order after some have been added."""
        self.net.arrange()
        optimizer_state.sort_params(self.optimizer, self.net.parameters())

    @torch.no_grad()
    def extend(self, node: int, extra: int) -> Tensor:
        """Add units without edges at the end of a hidden node; return their places (extra,)."""
        self.check_hidden(node)
        optimizer_state.check_resizable(self.optimizer, self.net.parameters())
        size, device = self.net.sizes[node], self.device
        source = torch.cat([torch.arange(size), torch.full((extra,), -1)]).to(device)
        for _, block in self.net.into(node):
            self._rebuild(block, 0, source)
        for _, block in self.net.out_of(node):
            self._rebuild(block, 1, source)
        self.net.sizes[node] += extra
        return torch.arange(size, size + extra, device=device)

    def check_hidden(self, node: int) -> None:
        """Raise ValueError unless `node` is one of hidden units."""
        if not 0 < node < self.net.last:
            last = self.net.last
            raise ValueError(f"nodes 1 to {last - 1} have hidden units, but not node {node}")

    def _rebuild(self, block: MaskedLinear, dim: int, source: Tensor) -> None:
        parameters = [block.weight, *([block.bias] if block.bias is not None and dim == 0 else [])]
        for parameter in parameters:
            optimizer_state.rebuild(self.optimizer, parameter, dim, source)
            if self.restarts is not None:
                self.restarts.follow(parameter, dim, source)
        block.reindex(dim, source)

    @torch.no_grad()
    def set_biases(self, node: int, units: Tensor, values: Tensor | float) -> None:
        """Set the biases of `units` (n,) of a node and reset their optimizer state."""
        bias = self.net.block(node - 1, node).bias
        assert bias is not None
        bias[units] = torch.as_tensor(values).to(bias)
        self._reset_state(bias, (units,))

    def renumber(self, beyond: int) -> None:
        """Make room for a node behind node `beyond`: the numbers of later ones rise by 1.

        The chain's block out of `beyond` becomes one out of the new node; then call `arrange`.
        """
        net = self.net
        moved = {}
        for (i, j), block in net.each():
            first = i + (i > beyond or (i, j) == (beyond, beyond + 1))
            moved[key((first, j + (j > beyond)))] = block
        net.blocks.clear()
        net.blocks.update(moved)
        net.arrange()

    def rebuild(self, structure: Mapping[str, Any], groups: Sequence[int]) -> None:
        """Give the network a `Blocks.structure`, for the state of such a network to be loaded.

        All parameters are new and without state: load those of model and optimizer next. `groups`
        are the numbers of the optimizer's groups that they are trained in, in their order.
        """
        old = list(self.net.parameters())
        fresh = Blocks.of_structure(structure).to(old[0])
        optimizer_state.replace_params(self.optimizer, old, fresh.parameters(), groups)
        self.net.sizes = fresh.sizes
        self.net.blocks.clear()
        self.net.blocks.update(dict(fresh.blocks.items()))
        self.arrange()
        self.restarts = None if self.optimizer is None else restart_of(self.optimizer)


def _empty(outputs: int, inputs: int, like: Tensor) -> MaskedLinear:
    mask = torch.zeros(outputs, inputs, dtype=torch.bool, device=like.device)
    return MaskedLinear(mask, bias=False)
