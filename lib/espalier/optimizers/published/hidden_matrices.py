"""Which parameters of a model are hidden matrices: neither of its input nor of its output layer."""

from __future__ import annotations

from torch import Tensor, nn


def hidden_matrices(model: nn.Module, ends: bool = False) -> list[Tensor]:
    """Return the trained parameters of two dimensions and more between the first and the last.

    In the order in which the model holds them. Embeddings are its input layer if it has any, and
    never hidden. With `ends` the first and the last matrix count as well.
    """
    embedded = [m.weight for m in model.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)]
    held = [p for _, p in model.named_parameters(remove_duplicate=False) if p.ndim > 1]
    outside = {id(p) for p in embedded}
    if held and not ends:
        outside |= {id(held[-1])} | (set() if embedded else {id(held[0])})
    hidden = {id(p): p for p in held if p.requires_grad and id(p) not in outside}
    return list(hidden.values())
