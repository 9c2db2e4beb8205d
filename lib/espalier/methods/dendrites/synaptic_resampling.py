"""Synaptic resampling: weak synapses go, and as many come, each from an input not there before.

Every unit keeps its number of synapses, all from different inputs, and every synapse that goes is
replaced. Survivors' weights do not change. New synapses begin with moments of 0 and train as under
a fresh optimizer; or, for comparison, they inherit those of the synapses whose slots they take.

Source: saurluca/dendritic-computation at 24fc87b.
See `espalier.methods.dendrites.synapse_turnover`.
Differs: there one proposal is made for each synapse, and one that fails is given up, so that fewer
are replaced than requested; and moments lie at (unit, input), so that an input that is connected
again finds its old ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.kconfig.config_dataclass import with_defaults
from espalier.layers.dendrites.synapses import Synapses
from espalier.layers.dendrites.wiring import Pixels, pixel_places
from espalier.methods.dendrites import synapse_scores
from espalier.methods.dendrites.synapse_masks import SynapseMasks
from espalier.methods.dendrites.synapse_scores import Batch
from espalier.methods.dendrites.synapse_turnover import SynapseTurnover
from espalier.surgery import optimizer_state
from espalier.surgery.restarts.per_slice_restart import restart_of


def find_synapse_layers(model: nn.Module) -> dict[str, Synapses]:
    """Return the layers of `model` whose synapses can be resampled, by name: those that train."""
    layers = ((n, m) for n, m in model.named_modules() if isinstance(m, Synapses))
    return {name: layer for name, layer in layers if layer.weight.requires_grad}


@dataclass(frozen=True)
class GrowthInputs:
    """Inputs of growth by gradient and of local growth.

    `draw` gives a batch of training samples and `loss` maps outputs and targets to a mean (growth
    by gradient); `pixels` are the channels, height and width of the images (local growth).
    """

    draw: Callable[[], Batch] | None = None
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy
    pixels: Pixels | None = None


@dataclass
class Resampler:
    """Resamples the synapses of a model that `optimizer` trains.

    Call `after_step` after every update of the optimizer, and `resample` whenever it is time,
    between that and the next forward pass. `resamplings` counts events, `swaps` the synapses
    replaced. Random numbers come from `generator`, which lives on the CPU. Raises ValueError if
    the model has no such layer, or what growth needs is not there.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    turnover: SynapseTurnover = field(default_factory=partial(with_defaults, SynapseTurnover))
    around: GrowthInputs = field(default_factory=GrowthInputs)
    resamplings: int = 0
    swaps: int = 0

    def __post_init__(self) -> None:
        self.layers = find_synapse_layers(self.model)
        self.restarts = restart_of(self.optimizer)
        self.masks = SynapseMasks(self.layers)
        if not self.layers:
            raise ValueError("no layer of the model has synapses that could be resampled")
        if self.turnover.grow == "gradient" and self.around.draw is None:
            raise ValueError("growth by gradient needs samples: pass draw")
        if self.turnover.grow == "local":
            self._check_pixels()

    def _check_pixels(self) -> None:
        if self.around.pixels is None:
            raise ValueError("local growth needs the shape of the images: pass pixels")
        inputs = len(pixel_places(self.around.pixels))
        for name, layer in self.layers.items():
            if layer.inputs != inputs:
                raise ValueError(
                    f"local growth is for layers that see the image: {name} has {layer.inputs} "
                    f"inputs, and the image {inputs} values"
                )

    def after_step(self) -> None:
        """Correct newborn synapses after the optimizer's update, as under a fresh optimizer."""
        self.masks.note_update()
        self.restarts.after_step()

    def resample(self) -> int:
        """Run one event; return how many synapses were replaced."""
        with self.masks.event():
            slopes = self._slopes() if self.turnover.grow == "gradient" else repeat(None)
            swapped = sum(map(self._swap, self.layers.values(), slopes))
        self.resamplings += 1
        self.swaps += swapped
        return swapped

    def _slopes(self) -> list[Tensor]:
        assert self.around.draw is not None
        return synapse_scores.gradient_scores(
            self.model, self.layers, self.around.loss, self.around.draw()
        )

    def _scores(self, layer: Synapses, slope: Tensor | None) -> Tensor:
        """Return scores (units, inputs): the highest are connected next."""
        if slope is not None:
            return slope
        if self.turnover.grow == "local":
            return self._near(layer)
        return synapse_scores.uniform_scores(layer, self.generator)

    def _near(self, layer: Synapses) -> Tensor:
        assert self.around.pixels is not None and self.turnover.spread is not None
        sigma = layer.fan_in**self.turnover.spread
        return synapse_scores.local_scores(layer, self.around.pixels, sigma, self.generator)

    @torch.no_grad()
    def _swap(self, layer: Synapses, slope: Tensor | None) -> int:
        """Replace synapses of one layer; return how many."""
        free = layer.inputs - layer.fan_in
        if free == 0:
            return 0
        slots, gone = self.turnover.dropped(layer.weight, free, self.generator)
        inputs = synapse_scores.select_inputs(
            self._scores(layer, slope), layer.index, slots.shape[1]
        )
        weights = self.turnover.newborn(inputs.to(layer.weight), layer.std, self.generator)
        units = torch.arange(layer.units, device=slots.device).unsqueeze(1).expand_as(slots)
        at = units[gone], slots[gone]
        layer.index[at] = inputs[gone]
        layer.weight[at] = weights[gone]
        if self.turnover.moments == "reset":
            self._reset_state(layer.weight, at)
        return len(at[0])

    def _reset_state(self, weight: Tensor, at: tuple[Tensor, Tensor]) -> None:
        optimizer_state.reset_elements(self.optimizer, weight, at)
        self.restarts.note_elements(weight, at)

    def assert_consistent(self) -> None:
        """Raise AssertionError unless every unit has its synapses, all from different inputs."""
        for name, layer in self.layers.items():
            index = layer.index.sort(dim=1).values
            assert index.shape == layer.weight.shape, f"{name}: a unit lost or gained synapses"
            assert (index[:, 1:] > index[:, :-1]).all(), f"{name}: an input is connected twice"
            inside = (index >= 0) & (index < layer.inputs)
            assert inside.all(), f"{name}: a synapse comes from no input"

    def state_dict(self) -> dict[str, Any]:
        """Return counts and restarts; model, optimizer and generator are saved beside it."""
        restarts = self.restarts.state_dict()
        return {"resamplings": self.resamplings, "swaps": self.swaps, "restarts": restarts}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.resamplings, self.swaps = saved["resamplings"], saved["swaps"]
        self.restarts.load_state_dict(saved["restarts"])
