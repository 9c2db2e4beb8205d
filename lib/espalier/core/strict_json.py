"""Strict JSON, for messages between processes and for files.

A number that is not finite, such as a diverged loss, becomes null. `NaN` is not JSON: other readers
stop at it. pandas reads null back as NaN.
"""

from __future__ import annotations

import json
import math
from typing import Any


def encode(value: Any) -> str:
    """Return `value` as one line of JSON. Raises TypeError on what is not plain data."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(finite(value), allow_nan=False, separators=(",", ":"))


def pretty(value: Any) -> str:
    """Return `value` as indented JSON for people to read."""
    return json.dumps(finite(value), allow_nan=False, indent=1) + "\n"


def finite(value: Any) -> Any:
    """Return a copy of `value` with None in place of numbers that are not finite."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
