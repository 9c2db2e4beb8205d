"""A zoo of small models in the style of their users, for methods that promise to take any model.

`ZOO` has a `Specimen` for each. `build(seed, dtype)` returns a model, `inputs(seed, n, dtype)` an
example batch, and `loss(output, seed)` something to train it by. zoo_table.py trains them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torchvision
import zoo_networks as nets
import zoo_sequences as seqs
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune, weight_norm


@dataclass(frozen=True)
class Specimen:
    """A model: how it is made, and what it takes.

    `shape` is that of one sample; `symbols` above 0 says that it holds int64 symbols below that.
    `image`: the output is as the input (an autoencoder), else logits over the last dimension.
    """

    name: str
    factory: Callable[[], nn.Module]
    shape: tuple[int, ...]
    symbols: int = 0
    image: bool = False

    def build(self, seed: int = 0, dtype: torch.dtype = torch.float32) -> nn.Module:
        """Return the model with weights drawn from `seed`, which leaves torch's seed alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.factory().to(dtype)

    def inputs(self, seed: int = 0, n: int = 4, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return a batch of `n` samples."""
        generator = torch.Generator().manual_seed(seed)
        if self.symbols:
            return torch.randint(self.symbols, (n, *self.shape), generator=generator)
        return torch.randn((n, *self.shape), generator=generator).to(dtype)

    def loss(self, output: Tensor, seed: int = 0) -> Tensor:
        """Return the loss of an output against targets drawn from `seed`."""
        generator = torch.Generator().manual_seed(seed)
        if self.image:
            target = torch.randn(output.shape, generator=generator).to(output)
            return F.mse_loss(output, target)
        rows = output.flatten(0, -2)
        return F.cross_entropy(
            rows, torch.randint(rows.shape[1], rows.shape[:1], generator=generator)
        )


def _each_linear(model: nn.Module, change: Callable[[nn.Linear], object]) -> nn.Module:
    for module in list(model.modules()):
        if isinstance(module, nn.Linear):
            change(module)
    return model


def _pruned() -> nn.Module:
    return _each_linear(nets.mlp(), lambda m: prune.l1_unstructured(m, "weight", amount=0.3))


def _blocks(mlp: Callable[[], nn.Module], post: bool = False, tied: bool = False) -> nn.Module:
    return seqs.LanguageModel([seqs.Block(mlp(), post) for _ in range(2)], tied)


def _resnet18() -> nn.Module:
    return torchvision.models.resnet18(num_classes=nets.CLASSES)


VECTOR, IMAGE, SEQUENCE, TEXT = (12,), (3, 12, 12), (6, 8), (6,)
SYMBOLS = seqs.SYMBOLS

ZOO: tuple[Specimen, ...] = (
    Specimen("MLP, Sequential", nets.mlp, VECTOR),
    Specimen("MLP, fc1 and F.relu", nets.AttributeMLP, VECTOR),
    Specimen("MLP, BatchNorm", lambda: nets.NormMLP(nn.BatchNorm1d), VECTOR),
    Specimen("MLP, LayerNorm", lambda: nets.NormMLP(nn.LayerNorm), VECTOR),
    Specimen("MLP, GroupNorm", lambda: nets.NormMLP(nn.GroupNorm, 4), VECTOR),
    Specimen("MLP, residual", nets.ResidualMLP, VECTOR),
    Specimen("Bilinear", nets.BilinearNet, VECTOR),
    Specimen("LeNet-5", nets.LeNet5, (1, 28, 28)),
    Specimen("ResNet-18", _resnet18, (3, 32, 32)),
    Specimen("depthwise CNN", nets.DepthwiseCNN, IMAGE),
    Specimen("Conv1d net", nets.conv1d, (4, 20)),
    Specimen("Conv3d net", nets.conv3d, (1, 8, 8, 8)),
    Specimen("autoencoder, ConvTranspose2d", nets.autoencoder, (1, 12, 12), image=True),
    Specimen("transformer, pre-LN", lambda: _blocks(seqs.MLP), TEXT, SYMBOLS),
    Specimen("transformer, post-LN", lambda: _blocks(seqs.MLP, post=True), TEXT, SYMBOLS),
    Specimen("nanoGPT, tied embeddings", lambda: _blocks(seqs.MLP, tied=True), TEXT, SYMBOLS),
    Specimen("SwiGLU", lambda: _blocks(lambda: seqs.Gated(F.silu)), TEXT, SYMBOLS),
    Specimen("GEGLU", lambda: _blocks(lambda: seqs.Gated(F.gelu)), TEXT, SYMBOLS),
    Specimen(
        "GPT-2 of Conv1D",
        lambda: seqs.LanguageModel([seqs.Conv1DBlock() for _ in range(2)], tied=True),
        TEXT,
        SYMBOLS,
    ),
    Specimen("TransformerEncoderLayer", lambda: seqs.EncoderClassifier(False), SEQUENCE),
    Specimen("TransformerEncoderLayer, pre", lambda: seqs.EncoderClassifier(True), SEQUENCE),
    Specimen("MultiheadAttention", seqs.AttentionPool, SEQUENCE),
    Specimen("MultiheadAttention, kdim", lambda: seqs.AttentionPool(10), SEQUENCE),
    Specimen("GRU", lambda: seqs.Recurrent(nn.GRU), SEQUENCE),
    Specimen(
        "LSTM, two ways",
        lambda: seqs.Recurrent(nn.LSTM, num_layers=2, bidirectional=True),
        SEQUENCE,
    ),
    Specimen("GRUCell", seqs.CellByHand, SEQUENCE),
    Specimen("weight_norm, old", lambda: _each_linear(nets.mlp(), weight_norm), VECTOR),
    Specimen("weight_norm", lambda: _each_linear(nets.mlp(), parametrizations.weight_norm), VECTOR),
    Specimen(
        "spectral_norm, old", lambda: _each_linear(nets.mlp(), nn.utils.spectral_norm), VECTOR
    ),
    Specimen(
        "spectral_norm", lambda: _each_linear(nets.mlp(), parametrizations.spectral_norm), VECTOR
    ),
    Specimen("orthogonal", lambda: _each_linear(nets.mlp(), parametrizations.orthogonal), VECTOR),
    Specimen("torch prune", _pruned, VECTOR),
    Specimen("LoRA Linear", lambda: nets.sequential_of(nets.LoRALinear), VECTOR),
    Specimen("masked Linear", lambda: nets.sequential_of(nets.MaskedLinear), VECTOR),
    Specimen("frozen layer", nets.frozen_backbone, VECTOR),
    Specimen("shared layers", nets.shared_layers, VECTOR),
    Specimen("layer used twice", nets.Siamese, VECTOR),
    Specimen("weight-standardised conv", nets.standardized_cnn, IMAGE),
)


def find(name: str) -> Specimen:
    """Return the specimen of this name. Raises KeyError."""
    return {specimen.name: specimen for specimen in ZOO}[name]
