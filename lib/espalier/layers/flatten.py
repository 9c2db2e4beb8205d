"""A network of vectors, made to take images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

INNER = "inner."


class FlattenWrapper(nn.Module):
    """Flattens each sample before `inner` sees it: (n, ...) becomes (n, numbers in a sample).

    Whatever is wanted of the network is asked of `.inner`; nothing is passed on by itself. A state
    dict is that of `inner`, with its names, so weights move between wrapped and bare networks; one
    whose names begin with `inner.` is taken too.
    """

    def __init__(self, inner: nn.Module) -> None:
        """`inner` takes (n, features)."""
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """(n, ...) in any memory layout -> what `inner` makes of (n, features)."""
        out: Tensor = self.inner(x.flatten(1))
        return out

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """That of `inner`."""
        return self.inner.state_dict(*args, **kwargs)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Give the names to torch as it looks for them; it has made a dict of its own for this."""
        given = [name.removeprefix(prefix) for name in state_dict if name.startswith(prefix)]
        if _known(given, self.inner.state_dict()) >= _known(given, self.inner.state_dict(), INNER):
            for name in given:
                state_dict[prefix + INNER + name] = state_dict.pop(prefix + name)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _known(given: Iterable[str], names: Iterable[str], prefix: str = "") -> int:
    """How many of the given names are `names` with a prefix."""
    return len({prefix + name for name in names}.intersection(given))
