"""Free memory: what several workers of a device share is divided."""

from __future__ import annotations

import torch

from espalier.core.process import memory
from espalier.train.engine.device_memory import free_bytes


def test_sharers_divide_what_is_free(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1200)
    monkeypatch.setenv(memory.SHARERS, "3")
    assert free_bytes(torch.device("cpu")) == 400
