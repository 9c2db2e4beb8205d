"""The configuration targets of make, as in other Kconfig trees: menuconfig, oldconfig and so on.

Each reads and writes the file that `KCONFIG_CONFIG` names, and refuses a file with a line that
would have no effect.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import kconfiglib

from espalier.core.errors import UserError
from espalier.core.process.terminal import printable
from espalier.core.trees.needed_trees import trees_comment
from espalier.kconfig import defconfigs, dotconfig, questions, randconfig, screen, tree
from espalier.kconfig.randconfig import Fits
from espalier.kconfig.symbols import Symbols

Target = Callable[[kconfiglib.Kconfig], None]


def run(name: str, fits: Fits | None = None) -> int:
    """Run a configuration target and return the exit code. Raises UserError.

    `fits` says which configurations randconfig may draw; None takes any.
    """
    kconf = tree.parse()
    kconf.config_header += trees_comment()
    try:
        _target(name, fits)(kconf)
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted, {dotconfig.path()} is as it was last saved", file=sys.stderr)
        return 130
    return 0


def _target(name: str, fits: Fits | None) -> Target:
    if name == RANDOM and fits is not None:
        return lambda kconf: random(kconf, fits)
    if name in TARGETS:
        return TARGETS[name]
    if name.endswith("_defconfig"):
        return _preset(name.removesuffix("_defconfig"))
    if name.startswith("defconfig-"):
        return _preset(name.removeprefix("defconfig-"))
    raise UserError(f"no configuration target {name!r}; known: {', '.join(TARGETS)}")


def _preset(name: str) -> Target:
    file = defconfigs.find(name)

    def from_preset(kconf: kconfiglib.Kconfig) -> None:
        dotconfig.load(kconf, file)
        _save(kconf)

    return from_preset


def _save(kconf: kconfiglib.Kconfig) -> None:
    print(dotconfig.save(kconf, dotconfig.path()))


def _load_if_there(kconf: kconfiglib.Kconfig) -> None:
    if dotconfig.path().exists():
        dotconfig.load(kconf, dotconfig.path())


def menuconfig(kconf: kconfiglib.Kconfig) -> None:
    """Open the menus, again and again until what they saved is valid.

    They check integers alone: numbers with a point are text to Kconfig.
    """
    screen.check_terminal()
    _load_if_there(kconf)
    while True:
        screen.run(kconf)
        try:
            return _load_if_there(kconf)
        except UserError as error:
            shown = "".join(f"error: {printable(line)}\n" for line in error.lines)
            input(f"{shown}Enter opens the menus again, Ctrl-C keeps what was saved: ")


def config(kconf: kconfiglib.Kconfig) -> None:
    """Ask for every value, and offer the present one."""
    _load_if_there(kconf)
    questions.ask(Symbols(kconf), lambda item: True)
    _save(kconf)


def oldconfig(kconf: kconfiglib.Kconfig) -> None:
    """Ask for the values that the configuration leaves open."""
    _load_if_there(kconf)
    questions.ask(Symbols(kconf), questions.is_open)
    _save(kconf)


def olddefconfig(kconf: kconfiglib.Kconfig) -> None:
    """Give every value that the configuration leaves open its default."""
    _load_if_there(kconf)
    _save(kconf)


def alldefconfig(kconf: kconfiglib.Kconfig) -> None:
    """Write a configuration of defaults."""
    _save(kconf)


def savedefconfig(kconf: kconfiglib.Kconfig) -> None:
    """Write what differs from the defaults to `./defconfig`."""
    dotconfig.load(kconf, dotconfig.path())
    print(dotconfig.save_minimal(kconf, Path("defconfig")))


def listnewconfig(kconf: kconfiglib.Kconfig) -> None:
    """Print the values that the configuration leaves open, as they would be."""
    _load_if_there(kconf)
    for symbol in questions.open_symbols(kconf):
        print(symbol.config_string or f"CONFIG_{symbol.name}=n", end="")


def helpnewconfig(kconf: kconfiglib.Kconfig) -> None:
    """Print what listnewconfig prints, with help texts."""
    _load_if_there(kconf)
    for symbol in questions.open_symbols(kconf):
        print(f"{symbol.config_string}{questions.help_text(symbol)}")


def allnoconfig(kconf: kconfiglib.Kconfig) -> None:
    """Write a configuration with every option off that can be off."""
    _set_all(kconf, "n")
    _save(kconf)


def allyesconfig(kconf: kconfiglib.Kconfig) -> None:
    """Write a configuration with every option on that can be on; choices keep their defaults."""
    _set_all(kconf, "y")
    _save(kconf)


def _set_all(kconf: kconfiglib.Kconfig, value: str) -> None:
    for symbol in kconf.unique_defined_syms:
        if symbol.orig_type == kconfiglib.BOOL and symbol.choice is None and _has_prompt(symbol):
            symbol.set_value(value)


def _has_prompt(symbol: kconfiglib.Symbol) -> bool:
    return any(node.prompt for node in symbol.nodes)


def random(kconf: kconfiglib.Kconfig, fits: Fits = lambda config: True) -> None:
    """Write a random configuration, and print the seed that makes it again."""
    seed = randconfig.seed(os.environ.get("KCONFIG_SEED", ""))
    print(f"KCONFIG_SEED={seed}")
    randconfig.randomise(Symbols(kconf), seed, fits)
    _save(kconf)


RANDOM = "randconfig"
TARGETS: dict[str, Target] = {
    "menuconfig": menuconfig,
    "nconfig": menuconfig,
    "config": config,
    "oldconfig": oldconfig,
    "olddefconfig": olddefconfig,
    "savedefconfig": savedefconfig,
    "defconfig": alldefconfig,
    "alldefconfig": alldefconfig,
    "allnoconfig": allnoconfig,
    "allyesconfig": allyesconfig,
    RANDOM: random,
    "listnewconfig": listnewconfig,
    "helpnewconfig": helpnewconfig,
}
