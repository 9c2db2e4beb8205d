"""What the benchmark of the seed finder keeps of a search."""

from __future__ import annotations

import seed_finder


def candidate(sizes: str, size: float, accuracies: list[float], p: float | None) -> dict:
    names = {"BLOCKS_SIZES": sizes, "BLOCKS_DENSITY": "0.03"}
    return {"candidate": names, "size": size, "accuracies": accuracies, "p": p}


def test_candidates_that_were_trained_in_full_are_kept_with_every_seed():
    dropped = candidate("4", 13, [0.1, 0.1], None)
    full = candidate("", 19, [0.25, 0.3], 0.005)
    details = {"candidates": [dropped, full], "test_accuracies": [0.27, 0.26]}
    figures = {figure.what: list(figure.values) for figure in seed_finder.candidates(details)}
    assert figures == {
        "BLOCKS_SIZES= BLOCKS_DENSITY=0.03: live edges": [19],
        "BLOCKS_SIZES= BLOCKS_DENSITY=0.03: validation accuracy": [25.0, 30.0],
        "BLOCKS_SIZES= BLOCKS_DENSITY=0.03: p": [0.005],
        "test accuracy of the winner": [27.0, 26.0],
    }


def test_a_search_that_finds_nothing_has_no_winner():
    assert list(seed_finder.candidates({"candidates": [], "test_accuracies": None})) == []
