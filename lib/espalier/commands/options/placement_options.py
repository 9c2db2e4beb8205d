"""The options that say where trials run: on this machine, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from espalier.commands.options.make_variables import is_given
from espalier.commands.options.option_types import Checked, OneOf, make_option, together
from espalier.core.errors import UserError
from espalier.run.executor_choice import EXECUTORS, LOCAL, RAY, Placement

ADDRESS, SHARE = "RAY_ADDRESS", "GPU_SHARE"
_SHARES = Checked(
    click.FloatRange(0, 1, min_open=True), "a number above 0 and up to 1: the part of a GPU"
)

placement_options = together(
    make_option(
        "EXECUTOR",
        "--executor",
        type=OneOf(EXECUTORS),
        default=LOCAL.executor,
        help="what runs trials: workers of this machine, or those of a Ray cluster",
    ),
    make_option(
        ADDRESS,
        "--ray-address",
        metavar="HOST:PORT",
        default=LOCAL.address,
        help="Ray cluster to join; auto: that of this machine  [default: start one here]",
    ),
    make_option(
        SHARE,
        "--gpu-share",
        type=_SHARES,
        default=LOCAL.gpu_share,
        help="part of a GPU of a Ray cluster that a trial at a time takes",
    ),
)


def take_placement(options: dict[str, Any]) -> Placement:
    """Return what `placement_options` say; `options` has them no longer. Raises UserError."""
    names = ("executor", "ray_address", "gpu_share")
    placement = Placement(*(options.pop(name) for name in names))
    if placement.executor != RAY:
        _check_none_given({ADDRESS: placement.address, SHARE: placement.gpu_share})
        return LOCAL
    return placement


def _check_none_given(values: Mapping[str, object]) -> None:
    """Raise UserError if make was given what only a Ray cluster has a use for.

    In the environment of a shell these variables may be there for other programs.
    """
    for name, value in values.items():
        if is_given(name):
            raise UserError(f"{name}={value}: is for a Ray cluster; add EXECUTOR={RAY}")
