"""Hooks that stand on modules, which torch shows by its own attributes only."""

from __future__ import annotations

from torch import nn

KINDS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def count(model: nn.Module) -> int:
    """Return how many hooks of any kind stand on a module and those in it."""
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in KINDS)
