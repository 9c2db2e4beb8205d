"""Layers of synapses and of neurons that serve K trials at once: see `espalier.layers.folded`."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from espalier.layers.dendrites import input_rows, kernel_choice, kernels
from espalier.layers.dendrites.kernels import Backend
from espalier.layers.dendrites.nonlinear import NONLINEARITIES, Activation


class FoldedSynapses(nn.Module):
    """The sums of K trials as one, over inputs (K b, inputs)."""

    def __init__(self, inputs: int, backend: Backend | None, stacks: Mapping[str, Tensor]) -> None:
        """`stacks` (K, ...) are those of the parameters and the buffer, by name."""
        super().__init__()
        self.inputs, self._backend = inputs, backend
        self.tensors = tuple(stacks[name] for name in ("weight", "bias", "index"))
        self.trials = len(self.tensors[0])

    def fits(self, x: Tensor) -> bool:
        """Return whether x is (K b, inputs)."""
        shape = x.shape
        return len(shape) == 2 and shape[1] == self.inputs and not shape[0] % self.trials

    def backend(self, x: Tensor) -> Backend:
        """Return the backend for x, the same that each trial alone uses."""
        return self._backend or kernel_choice.choose_backend(x, self.tensors[0])

    def forward(self, x: Tensor) -> Tensor:
        """Map (K b, ..., inputs) to (K b, ..., units). Raises ValueError."""
        if not self.fits(x):
            return input_rows.map_rows(self.forward, x, self.inputs, self.trials)
        return kernels.sums(self.backend(x), x, *self.tensors)


class FoldedDendrites(nn.Module):
    """Dendrites without somas, of K trials."""

    def __init__(self, synapses: FoldedSynapses, activation: Activation) -> None:
        """The dendrites' own sums, and what follows them."""
        super().__init__()
        self._synapses, self._activation = synapses, activation

    def forward(self, x: Tensor) -> Tensor:
        """Map (K b, ..., inputs) to (K b, ..., dendrites). Raises ValueError."""
        return NONLINEARITIES[self._activation].of(self._synapses(x))


class FoldedNeurons(nn.Module):
    """The neurons of K trials as one."""

    def __init__(
        self, synapses: FoldedSynapses, activation: Activation, stacks: Mapping[str, Tensor]
    ) -> None:
        """`stacks` (K, neurons, dendrites) and (K, neurons) are those of the somas."""
        super().__init__()
        self._synapses, self._activation = synapses, activation
        self._tensors = (*synapses.tensors, stacks["weight"], stacks["bias"])

    def forward(self, x: Tensor) -> Tensor:
        """Map (K b, ..., inputs) to (K b, ..., neurons). Raises ValueError."""
        synapses = self._synapses
        if not synapses.fits(x):
            return input_rows.map_rows(self.forward, x, synapses.inputs, synapses.trials)
        backend = synapses.backend(x)
        return kernels.neurons(backend, self._activation, x, *self._tensors)
