"""Layers of synapses and of neurons that serve K trials at once: see `espalier.train.folded`."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from espalier.dendrites import choosing
from espalier.dendrites.functions import Neurons, Sums, exact
from espalier.dendrites.kernels import Backend
from espalier.dendrites.nonlinear import NONLINEARITIES, Activation


class FoldedSynapses(nn.Module):
    """The sums of K trials as one, over inputs (K b, inputs)."""

    def __init__(self, backend: Backend | None, stacks: Mapping[str, Tensor]) -> None:
        """`stacks` (K, ...) are those of the parameters and the buffer, by name."""
        super().__init__()
        self._backend, self._stacks = backend, stacks

    def arguments(self, x: Tensor) -> tuple[Backend, tuple[Tensor, ...]]:
        """How sums of x are computed, and what of."""
        weight, bias, index = (self._stacks[name] for name in ("weight", "bias", "index"))
        return self._backend or choosing.backend(x, weight), (x, weight, bias, index)

    def forward(self, x: Tensor) -> Tensor:
        """(K b, inputs) -> (K b, units)."""
        backend, tensors = self.arguments(x)
        return one_by_one(exact(Sums, backend, *tensors), len(tensors[1]))


class FoldedDendrites(nn.Module):
    """Dendrites without somas, of K trials."""

    def __init__(self, synapses: FoldedSynapses, activation: Activation) -> None:
        """The dendrites' own sums, and what follows them."""
        super().__init__()
        self._synapses, self._activation = synapses, activation

    def forward(self, x: Tensor) -> Tensor:
        """(K b, inputs) -> (K b, dendrites)."""
        return NONLINEARITIES[self._activation].of(self._synapses(x))


class FoldedNeurons(nn.Module):
    """The neurons of K trials as one."""

    def __init__(
        self, synapses: FoldedSynapses, activation: Activation, stacks: Mapping[str, Tensor]
    ) -> None:
        """`stacks` (K, neurons, dendrites) and (K, neurons) are those of the somas."""
        super().__init__()
        self._synapses, self._activation, self._stacks = synapses, activation, stacks

    def forward(self, x: Tensor) -> Tensor:
        """(K b, inputs) -> (K b, neurons)."""
        backend, tensors = self._synapses.arguments(x)
        somas = (self._stacks["weight"].flatten(0, 1), self._stacks["bias"].flatten())
        y = exact(Neurons, (backend, self._activation), *tensors, *somas)
        return one_by_one(y, len(tensors[1]))


def one_by_one(rows: Tensor, trials: int) -> Tensor:
    """(K units, b) -> (K b, units)."""
    return rows.view(trials, -1, rows.shape[1]).mT.flatten(0, 1)
