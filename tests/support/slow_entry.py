"""An entry whose import takes a minute, for tests of who waits for that."""

from __future__ import annotations

import time

time.sleep(60)
