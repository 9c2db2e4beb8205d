"""How many trials at a time the nodes of a cluster have room for, and where the next slots go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class ClusterNode(NamedTuple):
    """A node of a cluster that is alive: its id, its address, and what it has of each resource."""

    id: str
    address: str
    resources: Mapping[str, float]


@dataclass(frozen=True)
class SlotNeed:
    """What a slot takes of its node: CPU cores, bytes of memory, and GPUs, maybe part of one."""

    cpus: int
    memory: int
    gpus: float

    @property
    def sharers(self) -> int:
        """How many slots share a GPU."""
        return int(1 / self.gpus) if 0 < self.gpus < 1 else 1

    def room(self, node: ClusterNode) -> int:
        """Return how many slots a node has room for."""
        has = node.resources
        counts = [int(has.get("CPU", 0) // self.cpus), int(has.get("memory", 0) // self.memory)]
        if self.gpus:
            gpus = int(has.get("GPU", 0))
            counts.append(gpus * self.sharers if self.gpus < 1 else int(gpus // self.gpus))
        return min(counts)


def missing(
    nodes: Iterable[ClusterNode], slots: Iterable[str], need: SlotNeed, limit: int
) -> Iterator[ClusterNode]:
    """Yield the node of each slot that is still to be begun, so that there are `limit`.

    `slots` are the ids of the nodes of those there are. The nodes with the fewest slots come first.
    """
    held, by_id = Counter(slots), {node.id: node for node in nodes}
    free = {name: need.room(node) - held[name] for name, node in by_id.items()}
    for _ in range(limit - held.total()):
        open_ids = [name for name, room in free.items() if room > 0]
        if not open_ids:
            return
        chosen = min(open_ids, key=lambda name: (held[name], name))
        held[chosen] += 1
        free[chosen] -= 1
        yield by_id[chosen]
