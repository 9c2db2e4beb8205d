"""Multi-scale training: pooled images first, and an exact passage to whole ones.

Source: the idea of StructureNet's multi-scale networks; progressive resizing (Howard 2018, in
DAWNBench's fastest entries) for training on small images first.
Differs: weights pass from one scale to the next without a change of the function (see
`espalier.methods.growth.structure.input_pyramid`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.masked_linear import MaskedLinear
from espalier.methods.growth.structure.input_pyramid import InputPyramid
from espalier.methods.growth.timing.passage_schedule import PassageSchedule
from espalier.surgery.probe import evaluated_logits
from espalier.train.costs.layer_products import count_operations
from espalier.train.input_layers import find_input_layers

PROBE = 256  # samples that measure a passage


@dataclass
class MultiscaleState:
    """The `method_state` of a run: the pooling of its images, and the steps at which it changes."""

    pyramid: InputPyramid
    passages: dict[int, int]  # steps done -> the factor from then on
    difference: float = 0.0  # largest change of a logit in any passage
    operations: float = 0.0  # of training so far
    step_operations: float = 0.0  # of a step on images of the present size


@kconfig_dataclass
class Multiscale(Method[MultiscaleState]):
    """Pool images by each of `factors` for a `share` of all epochs.

    The last factor, 1, holds for the remaining epochs.
    """

    packable: ClassVar[bool] = False

    factors: str
    share: float
    handover: Literal["exact", "shuffled"]

    @override
    def attach(self, run: Run[MultiscaleState]) -> None:
        if isinstance(run.method_state, MultiscaleState):  # attached before
            run.method_state.pyramid.close()
        x, _ = next(iter(run.train.pieces(1)))
        schedule = PassageSchedule(self.factors, self.share)
        size, factors = _size(x), schedule.numbers()
        if any(size[1] % factor or size[2] % factor for factor in factors):
            raise schedule.refusal(f"each must divide the images' {size[1]} x {size[2]} pixels")
        layers = find_input_layers(run.model, _distinct_images(x))
        if layers is None:
            raise CannotTrain(
                "no_linear_first_layer",
                "multi-scale training needs a model whose first layer is linear in all pixels, "
                f"and the model is a {type(run.model).__name__}: set CONFIG_MODEL=mlp or blocks",
            )
        schedule.check_length(run.length)
        steps = [start * run.steps_per_epoch for start in schedule.starts(run.epochs)]
        passages = dict(zip(steps[1:], factors[1:], strict=True))
        pyramid = InputPyramid(run.model, layers, size, run.optimizer, run.generators["method"])
        pyramid.coarsen(factors[0])
        run.method_state = MultiscaleState(
            pyramid, passages, step_operations=_operations_of_step(run)
        )

    @override
    def after_step(self, run: Run[MultiscaleState]) -> None:
        state = run.method_state
        state.pyramid.after_step()
        state.operations += state.step_operations
        if run.step in state.passages:
            self._refine(run, state.passages[run.step])

    def _refine(self, run: Run[MultiscaleState], factor: int) -> None:
        state = run.method_state
        x, _ = next(iter(run.validation.pieces(PROBE)))
        before = evaluated_logits(run.model, x)
        state.pyramid.refine(factor, self.handover == "shuffled")
        difference = float((evaluated_logits(run.model, x) - before).abs().max())
        state.difference = max(state.difference, difference)
        state.step_operations = _operations_of_step(run)

    @override
    def check(self, run: Run[MultiscaleState]) -> None:
        """Assert that masked weights are 0."""
        for layer in run.method_state.pyramid.layers:
            if isinstance(layer, MaskedLinear):
                layer.assert_masked(run.optimizer)

    @override
    def measures(self, run: Run[MultiscaleState]) -> Measures:
        """Return `pooled_by`, the side of a cell in pixels, 1 for whole images, and others.

        `passage_difference` is the largest change of any logit at a passage, on up to 256
        validation samples, `training_operations` those of training so far (see
        `espalier.train.costs.layer_products`).
        """
        state = run.method_state
        return {
            "pooled_by": state.pyramid.factor,
            "passage_difference": state.difference,
            "training_operations": round(state.operations),
        }

    @override
    def changes(self, run: Run[MultiscaleState]) -> int:
        return sum(step <= run.step for step in run.method_state.passages)

    @override
    def unfinished(self, run: Run[MultiscaleState]) -> bool:
        """Return whether images are still pooled."""
        return run.method_state.pyramid.factor > 1

    @override
    def state_dict(self, run: Run[MultiscaleState]) -> StateDict:
        state = run.method_state
        measured = (state.difference, state.operations, state.step_operations)
        return {"retina": state.pyramid.state_dict(), "told": measured}

    @override
    def load_state_dict(self, run: Run[MultiscaleState], state: StateDict) -> None:
        own = run.method_state
        own.pyramid.load_state_dict(state["retina"])
        own.difference, own.operations, own.step_operations = state["told"]


def _operations_of_step(run: Run) -> float:
    """Return the operations of a mean update of an epoch on images of the present size."""
    x, _ = next(iter(run.train.pieces(1)))
    return count_operations(run.model, x[:1]).both * len(run.train) / run.steps_per_epoch


def _size(x: Tensor) -> tuple[int, int, int]:
    _, channels, height, width = x.shape
    return channels, height, width


def _distinct_images(x: Tensor) -> Tensor:
    """Return two images of the size of `x` (1, channels, height, width), all numbers different."""
    numbers = torch.linspace(-1, 1, 2 * x.numel(), device=x.device, dtype=x.dtype)
    return numbers.view(2, *x.shape[1:])
