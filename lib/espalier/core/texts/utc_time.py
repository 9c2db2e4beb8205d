"""A moment as text."""

from __future__ import annotations

import time


def utc_text(moment: float) -> str:
    """Return a moment, in seconds since 1970, as `2026-01-31 12:00:00 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment))
