"""Draw a random configuration that can be trained here, and that its seed gives again.

Choices and switches are drawn among what is visible, numbers around their defaults, and the run is
never shorter than by default: sizes stay what they are meant to be, and schedules come to act. What
a machine has is not drawn. Whether the whole can be trained is for the caller to say: what cannot
is drawn again.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping

import kconfiglib
from kconfiglib import Symbol

from espalier.core.errors import UserError
from espalier.kconfig import assign
from espalier.kconfig.symbols import Symbols
from espalier.kconfig.values import canonical

Fits = Callable[[Mapping[str, str]], bool]
"""Whether a configuration can be trained."""

MACHINE = ("DATASET", "AMP", "COMPILE", "CPU_THREADS", "DEVICES_PER_TRIAL")
"""What is there depends on the machine: data files, a GPU, a compiler, cores."""
AROUND = (0.8, 1.25)
"""Numbers are drawn between these many times their defaults: far off, many would fit no model."""
LENGTH = {"NUM_EPOCHS": (1.0, 1.25), "BATCH_SIZE": (0.8, 1.0), "VALIDATION_FRACTION": (0.8, 1.0)}
"""Those that a run's number of steps comes from: what is timed in steps needs as many."""
DRAWS = 1000
DIGITS = 4  # significant, of a number with a point


def seed(text: str) -> int:
    """Return the seed in `text`, decimal or 0x..., or a new one for an empty text.

    Raises UserError if `text` is not a number.
    """
    if not text:
        return random.SystemRandom().getrandbits(32)
    try:
        return int(text, 0)
    except ValueError:
        raise UserError(
            f"KCONFIG_SEED={text}: must be a whole number, such as 42 or 0x2a"
        ) from None


def randomise(symbols: Symbols, seed: int, fits: Fits = lambda config: True) -> None:
    """Leave a random configuration in the tree: the first one drawn that `fits`.

    Symbols outside a trial's identity (device, paths) keep their values. Raises UserError if none
    of a thousand fits.
    """
    rng = random.Random(seed)
    for _ in range(DRAWS):
        if fits(_drawn(symbols, rng)):
            return
    raise UserError(f"KCONFIG_SEED={seed}: none of {DRAWS} configurations can be trained")


def _drawn(symbols: Symbols, rng: random.Random) -> dict[str, str]:
    """Draw in the order of the tree, and return what came of it."""
    symbols.kconf.unset_values()
    for name in symbols.identity:
        if name not in MACHINE and assign.is_active(symbols, name):
            assign.put(symbols, name, _draw(symbols, name, rng))
    return assign.effective_config(symbols, symbols.identity)


def _draw(symbols: Symbols, name: str, rng: random.Random) -> str:
    match symbols.kind(name):
        case "choice":
            members = symbols.members(name)
            return rng.choice([value for value in members if members[value].visibility])
        case "bool":
            return rng.choice("ny")
        case "int":
            return _draw_int(symbols.item(name), rng)
        case "float":
            return _draw_float(symbols, name, rng)
    return assign.effective(symbols, name)


def _draw_int(symbol: Symbol, rng: random.Random) -> str:
    default = int(symbol.str_value)
    low, high = (int(default * part) for part in LENGTH.get(symbol.name, AROUND))
    for first, last, condition in symbol.ranges:
        if kconfiglib.expr_value(condition):
            low, high = max(low, int(first.str_value)), min(high, int(last.str_value))
            break
    return str(rng.randint(max(low, min(default, 1)), high))  # 0 means something else


def _draw_float(symbols: Symbols, name: str, rng: random.Random) -> str:
    default = float(assign.effective(symbols, name))
    allowed = symbols.float_range(name)
    low, high = sorted(default * part for part in LENGTH.get(name, AROUND))
    if allowed is not None:
        low, high = max(low, allowed.low), min(high, allowed.high)
    while True:  # an open end is drawn again
        number = _rounded(rng.uniform(low, high))
        if allowed is None or number in allowed:
            return canonical("float", repr(number))


def _rounded(number: float) -> float:
    return round(number, DIGITS - 1 - math.floor(math.log10(abs(number)))) if number else 0.0
