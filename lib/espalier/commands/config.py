"""`config`: run the targets of make that read or write a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from espalier.core.errors import UserError
from espalier.core.texts.program_name import MAKE
from espalier.kconfig import defconfigs

if TYPE_CHECKING:
    from espalier.kconfig.randconfig import Fits


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from espalier.kconfig.frontends import TARGETS

    presets = [f"{path.name}_defconfig" for path in defconfigs.presets()]
    targets = [*TARGETS, "diffconfig", "list-defconfigs", *presets]
    return [name for name in targets if name.startswith(incomplete)]


@click.command()
@click.argument(
    "target",
    default="config",
    shell_complete=_complete,
    help="such as menuconfig or olddefconfig  [default: config]",
)
@click.argument(
    "files", nargs=-1, metavar="[FILE]...", help="for diffconfig: the old and the new file"
)
def command(target: str, files: Sequence[str]) -> int:
    """Run a configuration target; `make help` lists them.

    The environment variable KCONFIG_CONFIG names the configuration file (default: .config), and
    KCONFIG_SEED sets the seed of randconfig.
    """
    if target == "diffconfig":
        if len(files) != 2:
            rule = f"takes two files: {MAKE} diffconfig FROM=.config.old TO=.config"
            raise UserError(f"diffconfig {rule}")
        return print_differences(*map(Path, files))
    if files:
        raise UserError(f"config {target}: takes no file, got {files[0]!r}")
    return run_target(target)


def run_target(target: str) -> int:
    """Run a configuration target that takes no file; return the exit code. Raises UserError."""
    if target == "list-defconfigs":
        print(defconfigs.listing())
        return 0
    from espalier.kconfig import dotconfig, frontends
    from espalier.scripts import script_knobs

    suffix, prefix = "_defconfig", "defconfig-"
    is_preset = target.endswith(suffix) or target.startswith(prefix)
    name = target.removesuffix(suffix).removeprefix(prefix)
    file = defconfigs.find(name) if is_preset else dotconfig.path()
    script_knobs.use_of_files([file] if file.is_file() else [])
    return frontends.run(target, _plannable() if target == frontends.RANDOM else None)


def _plannable() -> Fits:
    """Return whether the planner takes a configuration, as a function: the rest cannot train."""
    from espalier.kconfig import tree
    from espalier.kconfig.symbols import Symbols
    from espalier.plan import planning

    symbols = Symbols(tree.parse())  # a tree of its own: planning leaves values in it

    def fits(config: Mapping[str, str]) -> bool:
        try:
            planning.plan_from_rows({}, [{k: v for k, v in config.items() if v}], symbols)
        except UserError:
            return False
        return True

    return fits


def print_differences(old: Path, new: Path) -> int:
    """Print a line for each symbol that differs between two files. Raises UserError."""
    from espalier.kconfig import diffconfig

    for line in diffconfig.compare(old, new):
        print(line)
    return 0
