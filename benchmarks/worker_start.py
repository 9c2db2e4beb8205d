"""Eight idle workers, forked or started one by one: their memory, and how soon one is replaced.

    python benchmarks/worker_start.py [--rounds 3] [--workers 8]

Memory is what processes have to themselves, and of what they share their part (PSS), that of the
process that workers are forked from included. A worker is replaced when a trial has ended in an
error or has taken too long: from the kill of a warm one to the next that is warm.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from unittest import mock

import measuring
from measuring import Figure

from espalier.core.process.descendants import descendants
from espalier.run.entries import LIBRARY
from espalier.run.pool import Pool
from espalier.run.workers import fork_servers

MIB = 1 << 10  # of the kernel's kB
FORKED, STARTED = "forked", "started one by one"
REPLACED = 4


@contextmanager
def pool(way: str, workers: int) -> Iterator[Pool]:
    """So many warm workers, started in one of the ways."""
    with ExitStack() as stack:
        if way == STARTED:
            stack.enter_context(mock.patch.object(fork_servers, "TRAINING", ""))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = Pool(LIBRARY, ["cpu"] * workers, folder / "workers.log")
        stack.callback(made.close)
        wait(made, workers)
        yield made


def wait(made: Pool, workers: int) -> None:
    """Until all are warm."""
    while len(made.idle()) < workers:
        made.wait(1)


def proportional(process: int) -> float:
    """MiB of a process: its own, and its part of what it shares."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / MIB


def measure(way: str, workers: int) -> dict[str, float]:
    """Seconds until all are warm, MiB of all, milliseconds to replace one."""
    clock = perf_counter()
    with pool(way, workers) as made:
        start = perf_counter() - clock
        memory = sum(map(proportional, descendants(os.getpid())))
        clock = perf_counter()
        for slot in range(REPLACED):
            made.kill(slot)
            wait(made, workers)
        replaced = 1000 * (perf_counter() - clock) / REPLACED
    return {"start": start, "memory": memory, "replaced": replaced}


def main() -> None:
    parser = measuring.parser(__doc__, rounds=3)
    parser.add_argument("--workers", type=int, default=8, help="(default: %(default)s)")
    args = parser.parse_args()
    seen: dict[str, list[dict[str, float]]] = {FORKED: [], STARTED: []}

    def memory(way: str) -> float:
        seen[way].append(measure(way, args.workers))
        return seen[way][-1]["memory"]

    ways = {way: lambda _, way=way: memory(way) for way in seen}
    measuring.interleaved(ways, args.rounds)
    figures = []
    for way, rounds in seen.items():
        start, size, replaced = ([each[key] for each in rounds] for key in rounds[0])
        figures += [
            Figure(f"{way}: memory of {args.workers} idle workers", size, "MiB"),
            Figure(f"{way}: until {args.workers} are warm", start, "s"),
            Figure(f"{way}: until one is replaced", replaced, "ms"),
        ]
    measuring.tell(args, figures, [])


if __name__ == "__main__":
    main()
