"""Device residency: keep samples prepared on the device, or prepare them batch by batch."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable

import torch

from espalier.core.component import symbol
from espalier.core.process import memory
from espalier.core.samples import Split
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.train.data.streamed_split import StreamedSplit
from espalier.train.data.transforms import Preparation

FLOAT_BYTES = 4  # bytes


@kconfig_dataclass
class ResidencyPlan:
    """The memory limit of prepared samples (MB; 0: by what is free), and the worker processes."""

    limit: int = symbol("DATA_MEMORY")
    workers: int = symbol("DATA_WORKERS")

    def place(
        self, raw: Iterable[Split], preparation: Preparation, device: torch.device
    ) -> list[Split]:
        """Return the splits of one data set, prepared on `device`, or streamed to it if large.

        Batches hold the same numbers either way.
        """
        splits = list(raw)
        needed = sum(FLOAT_BYTES * math.prod(preparation.shape(split.x)) for split in splits)
        if needed <= (self.limit * 10**6 or memory_share(device)):
            return [
                Split(preparation.prepare_all(split.x, device).data, split.y.to(device).data)
                for split in splits
            ]
        there = preparation.to(device)
        return [
            StreamedSplit(split.x.data, split.y.data, there, device, self.workers)
            for split in splits
        ]


def memory_share(device: torch.device) -> int:
    """Return the bytes of samples for this process: half of what is free, by the sharers."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else memory.available()
    return free // (2 * int(os.environ.get(memory.SHARERS, "1")))
