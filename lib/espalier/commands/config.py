"""`config`: run the targets of make that read or write a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from espalier.core.errors import UserError
from espalier.kconfig import defconfigs


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from espalier.kconfig.frontends import TARGETS

    presets = [f"{path.name}_defconfig" for path in defconfigs.presets()]
    targets = [*TARGETS, "diffconfig", "list-defconfigs", *presets]
    return [name for name in targets if name.startswith(incomplete)]


@click.command()
@click.argument("target", shell_complete=_complete, help="such as menuconfig or olddefconfig")
@click.argument(
    "files", nargs=-1, metavar="[FILE]...", help="for diffconfig: the old and the new file"
)
def command(target: str, files: Sequence[str]) -> int:
    """Run a configuration target; `make help` lists them.

    The environment variable KCONFIG_CONFIG names the configuration file (default: .config), and
    KCONFIG_SEED sets the seed of randconfig.
    """
    if target == "diffconfig":
        return _print_differences(files)
    if files:
        raise UserError(f"config {target}: takes no file, got {files[0]!r}")
    if target == "list-defconfigs":
        print(defconfigs.listing())
        return 0
    from espalier.kconfig import frontends

    return frontends.run(target)


def _print_differences(files: Sequence[str]) -> int:
    from espalier.kconfig import diffconfig

    if len(files) != 2:
        raise UserError("diffconfig takes two files: make diffconfig FROM=.config.old TO=.config")
    for line in diffconfig.compare(*map(Path, files)):
        print(line)
    return 0
