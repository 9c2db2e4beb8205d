"""JSON as it travels between processes and into files: one line, strict.

A number that is not finite (a diverged loss) becomes null: `NaN` is not JSON, other readers stop
at it, and pandas reads null back as NaN.
"""

from __future__ import annotations

import json
import math
from typing import Any


def encode(value: Any) -> str:
    """One line of strict JSON. Raises TypeError on anything that is not plain data."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(finite(value), allow_nan=False, separators=(",", ":"))


def pretty(value: Any) -> str:
    """Strict JSON for people to read."""
    return json.dumps(finite(value), allow_nan=False, indent=1) + "\n"


def finite(value: Any) -> Any:
    """A copy of `value` with null in place of numbers that are not finite."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
