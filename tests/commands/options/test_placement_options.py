"""Where trials are to run, from the variables of make and the options of a command."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from espalier.commands.options.make_variables import GIVEN
from espalier.commands.options.placement_options import placement_options, take_placement
from espalier.core.errors import UserError
from espalier.run.executor_choice import LOCAL, RAY, Placement


@click.command()
@placement_options
def placed(**options: Any) -> None:
    print(repr(take_placement(options)), options)


def invoke(*words: str, **variables: str) -> str:
    outcome = CliRunner().invoke(placed, words, env=variables, catch_exceptions=False)
    return outcome.output.strip()


def test_the_usual_place_is_this_machine() -> None:
    assert invoke() == f"{LOCAL} {{}}"


def test_make_and_options_name_a_cluster() -> None:
    wanted = Placement(RAY, "auto", 0.5)
    assert invoke(EXECUTOR="ray", RAY_ADDRESS="auto", GPU_SHARE="0.5") == f"{wanted} {{}}"
    words = ("--executor", "ray", "--ray-address", "auto", "--gpu-share", "0.5")
    assert invoke(*words) == f"{wanted} {{}}"
    assert invoke(EXECUTOR="ray") == f"{Placement(RAY, '', 1.0)} {{}}"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"EXECUTOR": "rya"}, "EXECUTOR=rya: did you mean ray"),
        ({"EXECUTOR": "ray", "GPU_SHARE": "0"}, "GPU_SHARE=0: must be a number above 0"),
        ({"EXECUTOR": "ray", "GPU_SHARE": "nan"}, "GPU_SHARE=nan: must be a number above 0"),
        ({"RAY_ADDRESS": "auto", GIVEN: "RAY_ADDRESS"}, "RAY_ADDRESS=auto: is for a Ray cluster"),
        ({"GPU_SHARE": "0.5", GIVEN: "GPU_SHARE"}, "GPU_SHARE=0.5: is for a Ray cluster"),
    ],
)
def test_what_names_no_place_is_refused(variables: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        invoke(**variables)


def test_an_address_that_a_shell_holds_for_others_is_no_error() -> None:
    assert invoke(RAY_ADDRESS="http://127.0.0.1:8265") == f"{LOCAL} {{}}"
