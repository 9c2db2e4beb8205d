"""An entry whose import starts a thread, so that no process can be forked from what has it."""

from __future__ import annotations

import threading

from fake_entry import preflight, train, warm

__all__ = ["preflight", "train", "warm"]

threading.Thread(target=threading.Event().wait, daemon=True).start()
