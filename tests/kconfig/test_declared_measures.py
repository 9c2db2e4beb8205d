from __future__ import annotations

import pytest

from espalier.core.measures import MeasureError
from espalier.kconfig import tree
from espalier.kconfig.declared_measures import directions, resolve
from espalier.kconfig.symbols import Symbols


def test_a_slip_of_the_pen_is_no_measure_of_your_own() -> None:
    with pytest.raises(MeasureError) as error:
        resolve("vall_loss")
    assert str(error.value) == (
        "RANK_BY=vall_loss: did you mean val_loss? "
        "one of your own has its direction, vall_loss:max or vall_loss:min"
    )


def test_what_trials_have_or_a_component_declares_is_none() -> None:
    assert resolve("vall_loss", ["vall_loss", "val_loss"]) == "vall_loss"
    assert resolve("vall_loss", declared=lambda: {"vall_loss": "max"}) == "vall_loss"
    assert resolve("vall_loss:max") == "vall_loss:max"


def test_the_plan_takes_texts_of_measures_alone() -> None:
    symbols = Symbols(tree.parse())
    assert symbols.canonical("RANK_BY", "VAL_LOSS, luck:max") == "val_loss,luck:max"
    with pytest.raises(ValueError, match="^must be one of val_acc, .* luck:min if less is$"):
        symbols.canonical("RANK_BY", "luck")


def test_every_declared_direction_is_that_of_the_tree() -> None:
    assert dict(directions()) == Symbols(tree.parse()).measures
