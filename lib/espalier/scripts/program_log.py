"""Report measures to Espalier from a program of your own: `log(epoch=3, val_acc=0.91)`.

The file needs nothing but Python: where Espalier is not installed, copy it beside the program as
`espalier.py`. Outside of a sweep `log` prints, and `config` is empty.
"""

from __future__ import annotations

import json
import os
from typing import Any


def log(**measures: Any) -> None:
    """Report numbers by name; of accuracies the share, 0 to 1. Raises TypeError for others."""
    line = json.dumps(measures, default=_number)
    path = os.environ.get("ESPALIER_LOG")
    if not path:
        print(line, flush=True)
        return
    with open(path, "ab", buffering=0) as file:  # noqa: PTH123
        file.write(line.encode() + b"\n")  # in one piece, whatever else writes there


def config() -> dict[str, Any]:
    """Return the trial's symbols without CONFIG_: numbers, True and False, and texts."""
    path = os.environ.get("ESPALIER_CONFIG")
    if not path:
        return {}
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return dict(json.load(file))


def _number(value: Any) -> Any:
    """Return the number of a scalar of numpy or torch."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r:.60} is not a number")
