"""Spaces of the toy tree, drawn for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

SPACE = {
    "EDGE": ["1", "5", "9"],
    "SHAPE": ["round", "square", "star"],
    "PAINT": ["y", "n"],
    "COLOR": ["red", "blue"],
    "MOST": ["2", "10"],
    "COUNT": ["1", "7"],
    "FORCED": ["y", "n"],
    "FORCER": ["y", "n"],
}


@st.composite
def subspaces(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Five symbols of the tree with some of their values each."""
    names = draw(st.permutations(list(SPACE)))[:5]
    lists = {
        name: st.lists(st.sampled_from(SPACE[name]), min_size=1, unique=True) for name in names
    }
    return {name: tuple(draw(values)) for name, values in lists.items()}
