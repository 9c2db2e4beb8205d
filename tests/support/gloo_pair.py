"""Two processes that are joined by Gloo, on this machine, and always ended."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

PATIENCE = 300.0  # seconds: for a machine on which much else runs
Work = Callable[[int], Any]


def run_on_two(work: Work, folder: Path) -> list[Any]:
    """Return what `work(rank)` returns in each of two processes; raise what it raises in one."""
    context = get_context("spawn")
    receivers, senders = zip(*(context.Pipe(duplex=False) for _ in range(2)), strict=True)
    process = context.Process(target=_lead, args=(str(folder / "meeting"), work, senders))
    process.start()
    for sender in senders:
        sender.close()
    try:
        return [_answer(receiver) for receiver in receivers]
    finally:
        _end(process.pid)
        process.kill()  # where it was not yet a group
        process.join()


def _answer(receiver: Connection) -> Any:
    if not receiver.poll(PATIENCE):
        raise TimeoutError("a process has not answered")
    failed, answer = receiver.recv()
    if failed:
        raise AssertionError(answer)
    return answer


def _end(group: int | None) -> None:
    """Kill both processes, which are a group of their own, if they are there."""
    with suppress(ProcessLookupError):
        os.killpg(group or 0, signal.SIGKILL)


def _lead(meeting: str, work: Work, senders: tuple[Connection, ...]) -> None:
    """Import what takes seconds, then be both processes."""
    os.setpgrp()
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(1)
    import_module("torch._dynamo.utils")  # data parallelism needs it
    second = get_context("fork").Process(target=_join, args=(1, meeting, work, senders[1]))
    second.start()
    _join(0, meeting, work, senders[0])
    second.join()


def _join(rank: int, meeting: str, work: Work, sender: Connection) -> None:
    place = {"init_method": f"file://{meeting}", "rank": rank, "world_size": 2}
    try:
        dist.init_process_group("gloo", timeout=timedelta(seconds=PATIENCE / 2), **place)
        answer = (False, work(rank))
        dist.destroy_process_group()
    except Exception:  # noqa: BLE001 (the test raises it)
        answer = (True, traceback.format_exc())
    sender.send(answer)
