"""Pairs as users name them: `("blocks.*.mlp.c_fc", "blocks.*.mlp.c_proj")`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from torch import nn

PairName = tuple[str | Sequence[str], str]
PairNames = Sequence[PairName]
"""Each has the name of a producer, or of several that make the neurons together, and the name of
the consumer, as in `model.named_modules()`, with `*` for any text, the same in all."""

_SHAPE = 'pairs=[("blocks.*.fc1", "blocks.*.fc2")]'


def expand(model: nn.Module, pairs: PairNames) -> list[tuple[tuple[str, ...], str]]:
    """Return the names of the producers and of the consumer of each pair, in the model's order.

    Raises ValueError for what is no list of pairs, and for a name that no module has.
    """
    modules = dict(model.named_modules())
    matches = [names for pair in _checked(pairs) for names in _matches(modules, *pair)]
    places = {name: place for place, name in enumerate(modules)}
    return sorted(dict.fromkeys(matches), key=lambda names: places[names[0][0]])


def _checked(pairs: PairNames) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(pairs, str) or not isinstance(pairs, Sequence) or not pairs:
        raise ValueError(f"pairs={pairs!r}: must be a list of pairs of names, as in {_SHAPE}")
    checked = []
    for pair in pairs:
        whole = isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[1], str)
        producers = (pair[0],) if whole and isinstance(pair[0], str) else pair[0] if whole else ()
        if not producers or not all(isinstance(name, str) for name in producers):
            raise ValueError(f"pairs: {pair!r} is no pair of names, as in {_SHAPE}")
        counts = {name.count("*") for name in (*producers, pair[1])}
        if len(counts) > 1:
            raise ValueError(f"pairs: the names in {pair!r} must have the same number of '*'")
        checked.append((tuple(producers), pair[1]))
    return checked


def _matches(
    modules: Mapping[str, nn.Module], producers: tuple[str, ...], consumer: str
) -> list[tuple[tuple[str, ...], str]]:
    pattern = re.compile("(.*)".join(map(re.escape, producers[0].split("*"))))
    texts = [match.groups() for name in modules if (match := pattern.fullmatch(name))]
    if not texts:
        raise ValueError(f"pairs: no module of the model is called {producers[0]!r}")
    matches = []
    for text in texts:
        names = [_filled(name, text) for name in (*producers, consumer)]
        missing = next((name for name in names if name not in modules), None)
        if missing is not None:
            raise ValueError(f"pairs: {names[0]!r} is a module of the model, {missing!r} is not")
        matches.append((tuple(names[:-1]), names[-1]))
    return matches


def _filled(name: str, texts: Sequence[str]) -> str:
    """Put `texts` in the places of the wildcards."""
    first, *rest = name.split("*")
    return first + "".join(text + part for text, part in zip(texts, rest, strict=True))
