"""Parameters with a default are knobs; those without are required."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import pytest

from espalier.core.errors import UserError
from espalier.scripts.signatures import Signature, read_signature


class Kind(enum.IntEnum):
    FIRST = 1


def fit(config, /, log, *rest, width=3, rate=0.5, name="a", on=True, other=None, **more):
    del config, log, rest, width, rate, name, on, other, more


def test_numbers_texts_and_switches_are_knobs() -> None:
    knobs = {"width": 3, "rate": 0.5, "name": "a", "on": True}
    assert read_signature(fit, "train=fit") == Signature(knobs, ("config", "log"))


@pytest.mark.parametrize(
    ("default", "plain"), [(np.float64(0.5), 0.5), (Kind.FIRST, 1), (np.str_("a"), "a")]
)
def test_a_default_is_a_plain_value(default: Any, plain: object) -> None:
    def build(width=default):
        del width

    (value,) = read_signature(build, "model").knobs.values()
    assert (value, type(value)) == (plain, type(plain))


def test_of_a_class_it_is_the_constructor() -> None:
    class Net:
        def __init__(self, inputs: int, width: int = 4) -> None:
            self.size = inputs, width

    assert read_signature(Net, "model=Net") == Signature({"width": 4}, ("inputs",))


def test_what_has_no_signature_is_one_line() -> None:
    with pytest.raises(UserError, match="^model=type: its parameters cannot be read "):
        read_signature(type, "model=type")
