"""Which parameters of a model are hidden matrices: neither of its input nor of its output layer."""

from __future__ import annotations

from torch import Tensor, nn

from espalier.sparse.matrix_layers import Embeddings


def hidden_matrices(model: nn.Module, ends: bool = False) -> list[Tensor]:
    """Return the trained parameters of two dimensions and more between the first and the last.

    In the order in which the model holds them; embeddings count for the first and the last, and are
    never hidden. With `ends` the first and the last matrix are hidden as well.
    """
    embedded = {id(m.weight) for m in model.modules() if isinstance(m, Embeddings)}
    held = [p for _, p in model.named_parameters(remove_duplicate=False) if p.ndim > 1]
    outer = {id(p) for p in (*held[:1], *held[-1:]) if not ends}
    hidden = {id(p): p for p in held if p.requires_grad and id(p) not in embedded | outer}
    return list(hidden.values())
