"""Variables as make hands them on: in the environment, with their names."""

from __future__ import annotations

import pytest

from espalier.commands.options.make_variables import GIVEN


def give(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    """Let the environment be as if make had been given these variables, and no others."""
    monkeypatch.setenv(GIVEN, " ".join(values))
    for name, value in values.items():
        monkeypatch.setenv(name, value)
