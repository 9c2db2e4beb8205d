"""A small vision transformer: an image is a text of patches.

Source: Dosovitskiy et al. 2020, "An Image is Worth 16x16 Words: Transformers for Image Recognition
at Scale", arXiv:2010.11929, section 3.1: patches through one linear layer, a class token, learned
positions, blocks that normalise before their branches, and a linear head on the class token.
Dropout as in its appendix B.1: behind every linear layer but that of queries, keys and values, and
behind the sum of patches and positions. With patch 16, width 768, 12 layers, 12 heads and inner
layers of 3072 units on 224x224 pixels and 1000 classes it is ViT-B/16: 86,567,656 parameters.
Differs: the head is drawn as the other layers are, not 0, so that scores of weights mean something
at the first step; all biases begin at 0; epsilon of the normalisation is torch's 1e-5.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Model
from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.models.transformer_parts import (
    BlockOptions,
    TransformerBlock,
    check_heads,
    initialise_xavier,
)

POSITION_STD = 0.02
LARGEST = {"layers": 256, "inner": 65536}


@kconfig_dataclass
class ViT(Model):
    """`layers` blocks on patches of `patch` pixels a side, with `width` features each."""

    free: ClassVar[tuple[str, ...]] = ("layers", "inner")

    patch: int
    width: int
    layers: int
    heads: int
    inner: int
    dropout: float

    @override
    def build(self, shape: SampleShape) -> nn.Module:
        self._check(shape)
        return VisionTransformer(self, shape)

    @override
    def parameters(self, shape: SampleShape) -> int:
        self._check(shape)
        width, inner = self.width, self.inner
        patches = shape.channels * self.patch**2 * width + width
        attention = width * 3 * width + 3 * width + width * width + width
        block = attention + width * inner + inner + inner * width + width + 2 * 2 * width
        places = (1 + self._patches(shape)) * width + width  # and the class token
        head = 2 * width + width * shape.classes + shape.classes
        return patches + places + self.layers * block + head

    @override
    def largest(self, field: str, shape: SampleShape) -> int:
        return LARGEST[field]

    def block(self) -> BlockOptions:
        """Return what each block is made of."""
        sizes = self.width, self.heads, self.inner
        return BlockOptions(*sizes, self.dropout, pre=True, causal=False)

    def _patches(self, shape: SampleShape) -> int:
        return (shape.height // self.patch) * (shape.width // self.patch)

    def _check(self, shape: SampleShape) -> None:
        check_heads(self.heads, self.width, "VIT")
        if shape.height % self.patch or shape.width % self.patch:
            raise CannotTrain(
                "patch",
                f"CONFIG_VIT_PATCH={self.patch}: must divide the height and width of an image, "
                f"{shape.height}x{shape.width}",
            )


class VisionTransformer(nn.Module):
    """Images (n, channels, h, w) -> logits (n, classes)."""

    def __init__(self, spec: ViT, shape: SampleShape) -> None:
        """Initial weights: linear layers Xavier-uniform without bias; the class token is 0."""
        super().__init__()
        patches = (shape.height // spec.patch) * (shape.width // spec.patch)
        self.patches = nn.Conv2d(shape.channels, spec.width, spec.patch, spec.patch)
        self.places = ClassAndPlaces(patches, spec.width)
        self.dropout = nn.Dropout(spec.dropout)
        self.blocks = nn.Sequential(*(TransformerBlock(spec.block()) for _ in range(spec.layers)))
        self.norm = nn.LayerNorm(spec.width)
        self.head = nn.Linear(spec.width, shape.classes)
        self.apply(_initialise)

    @override
    def forward(self, x: Tensor) -> Tensor:
        patches = self.patches(x).flatten(2).transpose(1, 2)  # (n, patches, width)
        features = self.blocks(self.dropout(self.places(patches)))  # (n, 1 + patches, width)
        logits: Tensor = self.head(self.norm(features[:, 0]))
        return logits


class ClassAndPlaces(nn.Module):
    """A token for the class before the patches, and what says where each is.

    (n, patches, width) -> (n, 1 + patches, width).
    """

    def __init__(self, patches: int, width: int) -> None:
        """Both are tables, which packs have a rule for: one of one entry, one of all places."""
        super().__init__()
        self.token = nn.Embedding(1, width)
        self.positions = nn.Embedding(1 + patches, width)

    @override
    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[1] + 1, device=x.device).expand(len(x), -1)
        token: Tensor = self.token(places[:, :1])  # of each sample: see packs
        y: Tensor = torch.cat([token, x], 1) + self.positions(places)
        return y


def _initialise(module: nn.Module) -> None:
    initialise_xavier(module)
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight.flatten(1))
    if isinstance(module, nn.Conv2d) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, ClassAndPlaces):
        nn.init.zeros_(module.token.weight)
        nn.init.normal_(module.positions.weight, std=POSITION_STD)
