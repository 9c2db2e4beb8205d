"""What of a function or a class becomes symbols: its parameters with a default."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Any, TypeAlias

from espalier.core.errors import UserError

Default: TypeAlias = int | float | str | bool
_KINDS = (bool, int, float, str)
_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class Signature:
    """The parameters of a function or a class.

    `knobs` are those whose default is a number, a text or a switch, with that default; `required`
    those without a default, in their order. Others keep what they have.
    """

    knobs: Mapping[str, Default]
    required: tuple[str, ...]


def read_signature(function: Callable[..., Any], name: str) -> Signature:
    """Return the signature of a function. Raises UserError that begins by `name` if it has none."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{name}: its parameters cannot be read ({error}); wrap it in a def"
        ) from None
    named = [each for each in parameters if each.kind in _NAMED]
    needed = [each for each in parameters if each.kind is Parameter.POSITIONAL_ONLY]
    needed += [each for each in named if each.default is Parameter.empty]
    knobs = {each.name: _plain(each.default) for each in named if isinstance(each.default, _KINDS)}
    return Signature(knobs, tuple(each.name for each in needed if each.default is Parameter.empty))


def _plain(default: Default) -> Default:
    """Return a default as a number or text of Python, whatever is derived from these."""
    kind = next(kind for kind in _KINDS if isinstance(default, kind))
    return kind(default)
