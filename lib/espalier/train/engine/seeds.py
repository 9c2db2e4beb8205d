"""Random streams: one for each purpose, all derived from the trial's seed.

Streams are independent of each other, so that a method that draws more random numbers does not
change the batches it is compared on.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

INIT = "init"
STREAMS = ("batches", "augment", "dropout", "method")
PURPOSES = (INIT, *STREAMS)
ON_GPU = "dropout on the GPU"
"""The state of dropout on the GPU of a run alone; present once an epoch is over."""


def derive_seed(seed: int, purpose: str) -> int:
    """Return a 63-bit seed for `purpose`, the same on every machine."""
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def make_generators(seed: int, device: torch.device) -> dict[str, torch.Generator]:
    """Return a generator for each purpose; augmentation draws on the device, the rest on the CPU.

    Batch order and method decisions are therefore the same on a CPU and on a GPU.
    """
    places = {"augment": device}
    return {
        purpose: torch.Generator(places.get(purpose, torch.device("cpu"))).manual_seed(
            derive_seed(seed, purpose)
        )
        for purpose in STREAMS
    }


def global_states(device: torch.device) -> list[Tensor]:
    """Return the states of torch's global generators: the CPU's, then that of a GPU `device`."""
    on_gpu = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [torch.get_rng_state(), *on_gpu]


def seed_globals(seed: int) -> None:
    """Seed torch's global generators, which initialise weights."""
    torch.manual_seed(derive_seed(seed, INIT))
