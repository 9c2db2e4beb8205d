"""A wrapper that lets a network of vectors take images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from typing_extensions import override

INNER = "inner."


class FlattenWrapper(nn.Module):
    """Flattens each sample before `inner` sees it: (n, ...) becomes (n, numbers in a sample).

    Other attributes of the network are found at `.inner` only. The state dict is that of `inner`,
    with its names, so weights move between wrapped and bare networks; one whose names begin with
    `inner.` is accepted too.
    """

    def __init__(self, inner: nn.Module) -> None:
        """Wrap `inner`, which takes (n, features)."""
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of `inner` for `x` (n, ...), in any memory layout."""
        out: Tensor = self.inner(x.flatten(1))
        return out

    @override
    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.inner.state_dict(*args, **kwargs)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Prefix bare names with `inner.`, as torch expects; `state_dict` is torch's own copy."""
        given = [name.removeprefix(prefix) for name in state_dict if name.startswith(prefix)]
        own = self.inner.state_dict()
        if _count_matches(given, own) >= _count_matches(given, own, INNER):
            for name in given:
                state_dict[prefix + INNER + name] = state_dict.pop(prefix + name)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _count_matches(given: Iterable[str], names: Iterable[str], prefix: str = "") -> int:
    """Count the given names that are one of `names` with a prefix."""
    return len({prefix + name for name in names}.intersection(given))
