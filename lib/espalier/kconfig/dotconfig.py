"""Reading and writing `.config` files through the one parsed tree.

A file's leading comment stays with it: what `<name>_defconfig` writes begins with the preset's
description, every front end keeps it, and `savedefconfig` gives it back.
"""

from __future__ import annotations

import os
from pathlib import Path

import kconfiglib

from espalier.errors import UserError
from espalier.kconfig.defconfigs import leading_comment


def path() -> Path:
    """The configuration in use: `$KCONFIG_CONFIG`, or `.config`."""
    return Path(kconfiglib.standard_config_filename())


def load(kconf: kconfiglib.Kconfig, file: Path) -> None:
    """Give the tree the values of `file`, and no others.

    Raises UserError if the file cannot be read or a line of it has no effect as written.
    """
    kconf.config_header = leading_comment(_text(file))
    kconf.warn_assign_undef = True
    before = len(kconf.warnings)
    kconf.load_config(str(file.resolve()))
    if problems := kconf.warnings[before:]:
        raise UserError(problems[0].replace("\n", " "))


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not a text file"
        raise UserError(
            f"{file}: {reason}; make menuconfig or make <name>_defconfig writes a configuration"
        ) from None


def save(kconf: kconfiglib.Kconfig, file: Path) -> str:
    """Write every value of the tree to `file`; what was there is kept as `<file>.old`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return str(kconf.write_config(os.fspath(file)))
