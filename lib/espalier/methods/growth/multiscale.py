"""Multi-scale training: pooled images first, and an exact passage to whole ones.

Source: the idea of StructureNet's multi-scale networks; progressive resizing (Howard 2018, in
DAWNBench's fastest entries) for training on small images first.
Differs: weights pass from one scale to the next without a change of the function (see
`espalier.methods.growth.structure.input_pyramid`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers import flops
from espalier.layers.masked_linear import MaskedLinear
from espalier.methods.growth.structure.input_pyramid import InputPyramid, readers
from espalier.surgery.probe import evaluating

PROBE = 256  # samples by which a passage is measured


@dataclass
class Scales:
    """The `method_state` of a run: what it sees, and when it sees more."""

    retina: InputPyramid
    ends: dict[int, int]  # steps done -> the factor from then on
    difference: float = 0.0  # the largest of a logit in any passage
    operations: float = 0.0  # that training has cost so far
    each: float = 0.0  # of a step on images of the present size


@kconfig_dataclass
class Multiscale(Method[Scales]):
    """Images are pooled by each of `factors` for a `share` of all epochs.

    By the last one, which is 1, for what remains.
    """

    packable: ClassVar[bool] = False

    factors: str
    share: float
    handover: Literal["exact", "shuffled"]

    @override
    def attach(self, run: Run[Scales]) -> None:
        if isinstance(run.method_state, Scales):  # attached before
            run.method_state.retina.close()
        x, _ = next(iter(run.train.pieces(1)))
        size, factors = _size(x), self._factors()
        if any(size[1] % factor or size[2] % factor for factor in factors):
            raise self._refusal(f"each must divide the images' {size[1]} x {size[2]} pixels")
        found = readers(run.model, _different(x))
        if found is None:
            raise CannotTrain(
                "no_linear_first_layer",
                "multi-scale training needs a model whose first layer is linear in all pixels, "
                f"and the model is a {type(run.model).__name__}: set CONFIG_MODEL=mlp or blocks",
            )
        ends = self._ends(run, factors)
        retina = InputPyramid(run.model, found, size, run.optimizer, run.generators["method"])
        retina.coarsen(factors[0])
        run.method_state = Scales(retina, ends, each=_of_a_step(run, retina))

    def _factors(self) -> list[int]:
        parts = [part.strip() for part in self.factors.split(",")]
        found = [int(part) for part in parts if part.isdecimal() and int(part)]
        if len(found) < max(len(parts), 2) or found[-1] != 1:
            raise self._refusal("must be whole numbers with commas between that end with 1")
        if any(a % b or a == b for a, b in pairwise(found)):
            raise self._refusal("each must be a divisor of the one before, and smaller")
        return found

    def _refusal(self, rule: str) -> CannotTrain:
        return CannotTrain("factors", f"CONFIG_MULTISCALE_FACTORS={self.factors!r}: {rule}")

    def _ends(self, run: Run[Scales], factors: list[int]) -> dict[int, int]:
        """When which factor begins, the first aside. Raises CannotTrain if any has no epoch."""
        epochs = run.epochs
        starts = [round(i * self.share * epochs + 1e-9) for i in range(len(factors))]
        if any(a >= b for a, b in pairwise([*starts, epochs])):
            raise CannotTrain(
                "scale_without_epochs",
                f"CONFIG_MULTISCALE_SHARE={self.share:g} of {epochs} epochs for each of "
                f"{len(factors) - 1} sizes of pooled images must leave each of them, and whole "
                "images, an epoch or more: change it or raise CONFIG_NUM_EPOCHS",
            )
        steps = [start * run.steps_per_epoch for start in starts]
        return dict(zip(steps[1:], factors[1:], strict=True))

    @override
    def after_step(self, run: Run[Scales]) -> None:
        state = run.method_state
        state.retina.after_step()
        state.operations += state.each
        if run.step in state.ends:
            self._pass(run, state.ends[run.step])

    def _pass(self, run: Run[Scales], factor: int) -> None:
        state = run.method_state
        x, _ = next(iter(run.validation.pieces(PROBE)))
        before = _logits(run, x)
        state.retina.refine(factor, self.handover == "shuffled")
        apart = float((_logits(run, x) - before).abs().max())
        state.difference = max(state.difference, apart)
        state.each = _of_a_step(run, state.retina)

    @override
    def check(self, run: Run[Scales]) -> None:
        """What is masked stays 0."""
        for reader in run.method_state.retina.readers:
            if isinstance(reader, MaskedLinear):
                reader.assert_masked(run.optimizer)

    @override
    def measures(self, run: Run[Scales]) -> Measures:
        """`pooled_by` is the side of a cell in pixels, 1 for whole images.

        `passage_difference` is the largest that any logit changed by at a passage, of up to 256
        validation samples, `training_operations` what training has cost so far (see
        `espalier.layers.flops`).
        """
        state = run.method_state
        return {
            "pooled_by": state.retina.factor,
            "passage_difference": state.difference,
            "training_operations": round(state.operations),
        }

    @override
    def changes(self, run: Run[Scales]) -> int:
        return sum(step <= run.step for step in run.method_state.ends)

    @override
    def unfinished(self, run: Run[Scales]) -> bool:
        """Until images are seen whole."""
        return run.method_state.retina.factor > 1

    @override
    def state_dict(self, run: Run[Scales]) -> StateDict:
        state = run.method_state
        told = (state.difference, state.operations, state.each)
        return {"retina": state.retina.state_dict(), "told": told}

    @override
    def load_state_dict(self, run: Run[Scales], state: StateDict) -> None:
        own = run.method_state
        own.retina.load_state_dict(state["retina"])
        own.difference, own.operations, own.each = state["told"]


def _of_a_step(run: Run, retina: InputPyramid) -> float:
    """Operations of an update on images of the present size, those of an epoch all alike."""
    return flops.of_sample(run.model, retina.readers) * len(run.train) / run.steps_per_epoch


def _size(x: Tensor) -> tuple[int, int, int]:
    _, channels, height, width = x.shape
    return channels, height, width


def _different(x: Tensor) -> Tensor:
    """Two images of the size of `x` (1, channels, height, width), all numbers different."""
    numbers = torch.linspace(-1, 1, 2 * x.numel(), device=x.device, dtype=x.dtype)
    return numbers.view(2, *x.shape[1:])


@torch.no_grad()
def _logits(run: Run, x: Tensor) -> Tensor:
    with evaluating(run.model):
        logits: Tensor = run.model(x)
    return logits
