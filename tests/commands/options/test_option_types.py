"""The types of options: what they take, and what they say of what they do not."""

from __future__ import annotations

import click
import pytest

from espalier.__main__ import main
from espalier.commands.options.option_types import OneOf
from espalier.core.errors import UserError

FORMATS = OneOf(["tensorboard", "mlflow", "csv"])


def test_one_of_some_names_is_taken_as_it_is() -> None:
    assert FORMATS.convert("mlflow", None, None) == "mlflow"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("tensorbord", "did you mean tensorboard? it must be one of tensorboard, mlflow, csv"),
        ("excel", "must be one of tensorboard, mlflow, csv"),
        ("", "must be one of tensorboard, mlflow, csv"),
    ],
)
def test_another_name_is_one_line_with_what_was_meant(value: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        FORMATS.convert(value, None, None)
    assert str(caught.value) == f"{value}: {said}"


def test_names_complete() -> None:
    context = click.Context(click.Command("export"))
    items = FORMATS.shell_complete(context, click.Option(["--to"]), "m")
    assert [item.value for item in items] == ["mlflow"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["export", "--to", "tensorbord"], "--to tensorbord: did you mean tensorboard? it must"),
        (["table", "--format", "latx"], "--format latx: did you mean latex? it must be one of "),
        (["figures", "--style", "colum"], "--style colum: did you mean column? it must be one "),
    ],
)
def test_verbs_say_which_name_was_meant(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(f"error: {line}")
