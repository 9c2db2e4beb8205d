"""How many samples and updates a run has, so that scenarios suit small data sets as well."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.core import component
from espalier.core.contracts import Dataset
from espalier.core.samples import RawData, steps_in
from espalier.core.trial import EPOCHS
from espalier.core.trial_config import Config
from espalier.plan import planning
from espalier.search import guide_names
from espalier.search.fixed_settings import Conditions

BATCHES = 64
"""Batches of an epoch, at least, if there are so many samples."""
EVENTS = 8
"""Resamplings that a whole run has room for, at least."""


def training_samples(same: Conditions) -> int:
    """Return how many samples a run trains on. Raises UserError if they cannot be read."""
    row = planning.row_requests(
        same.symbols, {}, guide_names.quote(same.unlimited, same.symbols), 1
    )
    made = planning.expand_row(same.symbols, row)
    (values,) = made.configs.values()
    config, settings = Config(values), Config(made.settings)
    dataset = component.select("dataset", config, Dataset)
    raw = dataset.load(same.data_dir, settings.read("DOWNLOAD", bool))
    whole = len(raw.train_y) if isinstance(raw, RawData) else len(raw.train)
    left = whole - round(whole * float(values["VALIDATION_FRACTION"]))
    return min(left, int(values["TRAIN_SUBSET"]) or left)


def batch_size(limit: int, samples: int) -> int:
    """Return `limit`, or fewer where an epoch would have less than BATCHES batches."""
    return min(limit, max(1, samples // BATCHES))


def resampling_steps(intervals: Sequence[int], same: Conditions, samples: int) -> list[int]:
    """Return `intervals`, in updates, shorter where a run has fewer than EVENTS of them."""
    epochs, batch = int(same.base[EPOCHS]), int(same.base["BATCH_SIZE"])
    longest = max(1, epochs * steps_in(samples, batch) // EVENTS)
    return list(dict.fromkeys(min(steps, longest) for steps in intervals))
