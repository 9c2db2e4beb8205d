"""Stand-in until SK's is merged."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path


def arguments(text: str, values: Mapping[str, str], folder: Path) -> list[str]:
    """Return them."""

    def fill(word: str) -> str:
        w = re.sub(
            r"\{\{|\}\}|\{(?:CONFIG_)?(\w+)\}", lambda m: values[m[1]] if m[1] else m[0][0], word
        )
        return str(folder / w) if w and (folder / w).is_file() else w

    return [fill(w) for w in shlex.split(text)]
