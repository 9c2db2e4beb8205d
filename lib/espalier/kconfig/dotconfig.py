"""Read and write `.config` files by way of the Kconfig tree.

The leading comment of a file is kept: what `<name>_defconfig` writes begins with the description of
the preset, every front end keeps it, and `savedefconfig` writes it back. In a
`.config` it ends with a line that names the trees outside, which no preset has.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import kconfiglib

from espalier.core.errors import UserError
from espalier.core.text_files import read_user_text
from espalier.core.texts.program_name import MAKE
from espalier.core.trees.needed_trees import trees_comment, without_comment
from espalier.kconfig import assign, requests
from espalier.kconfig.advice import hints
from espalier.kconfig.defconfigs import leading_comment
from espalier.kconfig.line_faults import Faults
from espalier.kconfig.requests import Request
from espalier.kconfig.symbols import Symbols


def path() -> Path:
    """Return the configuration in use: `$KCONFIG_CONFIG`, or `.config`."""
    return Path(os.environ.get("KCONFIG_CONFIG") or ".config")


def require(file: Path) -> None:
    """Raise UserError, with the way to make one, if there is no configuration `file`."""
    if not file.exists():
        raise UserError(
            f"{file}: no such configuration; "
            f"{MAKE} menuconfig or {MAKE} <name>_defconfig writes one"
        )


def load(kconf: kconfiglib.Kconfig, file: Path) -> None:
    """Assign the values of `file`, and no others, to the tree.

    Symbols of earlier versions are left out with a note. Raises UserError, with every fault, if the
    file cannot be read or lines of it do not take effect as written.
    """
    require(file)
    symbols = Symbols(kconf)
    read, notes = requests.read(symbols, [file], retired=hints.RETIRED)
    assigned = read.values()
    faults = Faults()
    for request in assigned:
        with faults.collect():
            _check_single(request)
    faults.check()
    kconf.unset_values()
    comment = leading_comment(read_user_text(file))
    kconf.config_header = without_comment(comment) + trees_comment()
    for request in assigned:
        assign.put(symbols, request.name, request.values[0])
    for request in assigned:
        with faults.collect():
            _check_taken(symbols, request)
    faults.check()
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def _check_single(request: Request) -> None:
    if request.is_axis:
        raise request.error(
            "|".join(request.values),
            "a configuration holds one value a symbol; "
            f"use a range file with {MAKE} sweep RANGE_CONFIG={request.place.path}",
        )


def _check_taken(symbols: Symbols, request: Request) -> None:
    name, value = request.name, request.values[0]
    if value in (assign.DEFAULT, assign.effective(symbols, name)):
        return
    if assign.is_active(symbols, name) and symbols.has_prompt(name):
        reason = assign.why_invalid(symbols, name, value)
    else:
        reason = assign.why_inactive(symbols, name)
    raise request.error(value, f"{reason}; correct or delete the line")


def save(kconf: kconfiglib.Kconfig, file: Path) -> str:
    """Write every value of the tree to `file`, and keep the old file as `<file>.old`.

    Returns kconfiglib's message. Raises UserError if `file` cannot be replaced.
    """
    _check_replaceable(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    return str(kconf.write_config(os.fspath(file)))


def save_minimal(kconf: kconfiglib.Kconfig, file: Path) -> str:
    """Write what differs from the defaults to `file`; returns and raises as `save`."""
    _check_replaceable(file)
    header = without_comment(kconf.config_header)
    return str(kconf.write_min_config(os.fspath(file), header))


def _check_replaceable(file: Path) -> None:
    """Raise UserError if `file` is a folder, or no text to compare the new one with."""
    if file.is_dir():
        raise UserError(f"{file}: is a folder; KCONFIG_CONFIG must name a file")
    if file.exists():
        read_user_text(file)
