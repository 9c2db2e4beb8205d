"""Evaluation under input noise: how a trained network bears what it was not trained with.

Source: Chavlis and Poirazi 2025, Nature Communications 16:943; `perturb_array` of
Poirazi-Lab/dendritic_anns (Gaussian noise on pixels of 0..1, cut off at both ends).
Differs: there, training and validation images are noisy too; noise is added after resizing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from espalier.core.component import symbol
from espalier.core.samples import Split
from espalier.core.trial import Record
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.train.data.preprocessing import load_raw_splits
from espalier.train.data.splits import SplitRequest
from espalier.train.data.transforms import Preparation
from espalier.train.engine.evaluation import EVALUATION_BATCH, evaluate
from espalier.train.engine.trainer import Trainer


@kconfig_dataclass
class InputNoise:
    """Gaussian noise of deviation `sigma` on pixels of 0..1; None or 0: there is none."""

    sigma: float | None = symbol("TEST_NOISE")

    def measures(self, trainer: Trainer, test: Split, request: SplitRequest) -> Record:
        """Return loss (nats) and accuracy (percent) on noisy test samples, empty without noise.

        The noise is drawn from the trial's seed, so the networks of a seed see the same images.
        """
        if not self.sigma:
            return {}
        raw = load_raw_splits(request, type(request.dataset).__name__)
        preparation = raw.preprocessing.preparation.to(test.device)
        generator = torch.Generator().manual_seed(trainer.recipe.seed)
        loss = hits = 0.0
        for x, y in test.pieces(EVALUATION_BATCH):
            noise = self.sigma * torch.randn(x.shape, generator=generator).to(x)
            noisy = Split(add_noise(x, noise, preparation), y)
            mean, accuracy = evaluate(trainer, noisy)
            loss, hits = loss + mean * len(y), hits + accuracy * len(y)
        return {"noisy_test_loss": loss / len(test), "noisy_test_acc": hits / len(test)}


def add_noise(x: Tensor, noise: Tensor, preparation: Preparation) -> Tensor:
    """Return prepared images `x` (n, channels, h, w) with `noise` of that shape on their pixels.

    Pixels stay within 0..1 before they are normalised.
    """
    mean, std = preparation.mean, preparation.std
    if mean is None or std is None:
        return (x + noise).clamp(0, 1)
    return ((x * std + mean + noise).clamp(0, 1) - mean) / std
