"""What makes raw images what a model was trained on, as data with a fingerprint.

Two programs that scale, normalise, resize or flatten differently give a network other numbers, and
it fails without a word. So all that is done is written down with the weights, also what this code
always does the same way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from espalier.core.errors import UserError
from espalier.core.samples import RawData, Split
from espalier.train.data.splits import DataPlan, SplitRequest, divide_samples
from espalier.train.data.transforms import Normalization, Preparation

ALWAYS = {
    "scale": "uint8 divided by 255, floats as they are",
    "resize": "bilinear, antialiased",
    "layout": "channels, rows, columns",
    "crop": "none",
}
"""The steps with one fixed way; a model that was trained with another one is refused."""


@dataclass(frozen=True)
class Preprocessing:
    """The preprocessing of raw images of shape `raw_shape` (channels, rows, columns).

    `mean` and `std` are of each channel after scaling, None where nothing is normalised; `size` is
    in pixels a side, None where nothing is resized.
    """

    dataset: str
    raw_shape: tuple[int, ...]
    raw_type: str
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    size: int | None

    @classmethod
    def of(cls, dataset: str, raw: Tensor, preparation: Preparation) -> Preprocessing:
        """Return that of raw samples (n, channels, rows, columns) by a fitted `preparation`."""
        kind = str(raw.dtype).removeprefix("torch.")
        mean, std = _numbers(preparation.mean), _numbers(preparation.std)
        return cls(dataset, tuple(raw.shape[1:]), kind, mean, std, preparation.size)

    @classmethod
    def from_json(cls, record: Mapping[str, Any], place: str) -> Preprocessing:
        """Return the preprocessing that `as_json` wrote. Raises UserError if it is another kind."""
        for name, way in ALWAYS.items():
            if record.get(name) != way:
                rule = f"must be {way!r}, all that this code does"
                raise UserError(f"{place}: preprocessing {name}={record.get(name)!r}: {rule}")
        fields = {name: record.get(name) for name in cls.__dataclass_fields__}
        return cls(**{name: _tuple(value) for name, value in fields.items()})

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        own = {n: list(v) if isinstance(v, tuple) else v for n, v in vars(self).items()}
        return {**own, **ALWAYS}

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of all of it."""
        return preprocessing_fingerprint(self.as_json())

    @property
    def preparation(self) -> Preparation:
        """Return the preparation that does it."""
        return Preparation.by(self.normalization, self.size)

    @property
    def normalization(self) -> Normalization:
        """Return the mean and deviation of each channel."""
        return Normalization(self.mean, self.std)

    def check(self, other: Preprocessing, place: str) -> None:
        """Raise UserError, naming what differs, unless `other` does the same."""
        mine, theirs = self.as_json(), other.as_json()
        for name, value in mine.items():
            if value != theirs[name]:
                raise UserError(
                    f"{place}: was trained with preprocessing {name}={value}, here it is "
                    f"{theirs[name]}: use the configuration that it was trained with"
                )


def preprocessing_fingerprint(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 of plain data, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class RawSplits:
    """Samples before any scaling, and the preprocessing fitted on the training samples."""

    splits: tuple[Split, Split, Split]  # train, validation, test
    preprocessing: Preprocessing


def load_raw_splits(request: SplitRequest, dataset: str) -> RawSplits:
    """Return the raw images of a request. Raises what loading and dividing raise."""
    raw, plan = request.dataset.load(request.folder, request.download), request.plan
    if not (isinstance(raw, RawData) and isinstance(plan, DataPlan)):
        raise TypeError(f"{dataset} holds no images")
    splits = divide_samples(raw, plan)
    preparation = request.preparation(splits[0].x, plan)
    return RawSplits(splits, Preprocessing.of(dataset, splits[0].x, preparation))


def _numbers(tensor: Tensor | None) -> tuple[float, ...] | None:
    return None if tensor is None else tuple(tensor.flatten().tolist())


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
