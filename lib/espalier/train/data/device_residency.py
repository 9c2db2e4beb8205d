"""Whether samples are held as the model sees them, or raw and prepared batch by batch."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable

import torch

from espalier.core import memory
from espalier.core.component import symbol
from espalier.core.contracts import Split
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.train.data.streamed_split import StreamedSplit
from espalier.train.data.transforms import Preparation

FLOAT_BYTES = 4  # bytes


@kconfig_dataclass
class ResidencyPlan:
    """How much prepared samples may take (MB, 0: by what is free) and who prepares them else."""

    limit: int = symbol("DATA_MEMORY")
    workers: int = symbol("DATA_WORKERS")

    def kept(
        self, raw: Iterable[Split], preparation: Preparation, device: torch.device
    ) -> list[Split]:
        """The splits of one data set, prepared on `device`, or streamed to it if they are large.

        Nothing else depends on which: batches hold the same numbers.
        """
        splits = list(raw)
        needed = sum(FLOAT_BYTES * math.prod(preparation.shape(split.x)) for split in splits)
        if needed <= (self.limit * 10**6 or memory_share(device)):
            return [
                Split(preparation.whole(split.x, device).data, split.y.to(device).data)
                for split in splits
            ]
        there = preparation.to(device)
        return [
            StreamedSplit(split.x.data, split.y.data, there, device, self.workers)
            for split in splits
        ]


def memory_share(device: torch.device) -> int:
    """Bytes of samples this process may hold: half of what is free, divided by its workers."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else memory.available()
    return free // (2 * int(os.environ.get(memory.SHARERS, "1")))
