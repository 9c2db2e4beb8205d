"""Start a trial from the weights in a file: a saved model, or a state dict of any program.

The file is the one that the sweep was planned with, by its SHA-256. Of a saved model the
preprocessing is taken too. Its method's state is not: masks and births are those of a new run.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from espalier.core import component
from espalier.core.contracts import CannotTrain
from espalier.core.errors import UserError
from espalier.core.file_digest import file_sha256
from espalier.core.paths import BASE
from espalier.core.texts.program_name import EXECUTABLE
from espalier.core.trial import Task
from espalier.core.trial_config import Config
from espalier.train.building.starting_point import FILE, StartPlan
from espalier.train.checkpoints import model_loading, tensor_files
from espalier.train.checkpoints.model_files import FORMAT
from espalier.train.checkpoints.remapping import Remapping, State, match, state_in
from espalier.train.data.preprocessing import Preprocessing, preprocessing_fingerprint
from espalier.train.data.transforms import Normalization

REASON = "init_from"


@dataclass(frozen=True, eq=False)
class SavedWeights:
    """The weights of a file, with the preprocessing of a saved model."""

    place: str
    state: Mapping[str, Tensor]
    preprocessing: Preprocessing | None

    @property
    def normalization(self) -> Normalization | None:
        """Return that of the saved model; None if there is none."""
        return None if self.preprocessing is None else self.preprocessing.normalization

    def check_images(self, channels: int, size: int | None) -> None:
        """Raise CannotTrain unless images have as many channels, and are resized as they were."""
        if self.preprocessing is None:
            return
        before = (self.preprocessing.raw_shape[0], self.preprocessing.size)
        if before != (channels, size):
            rule = "channels, and pixels a side after resizing"
            fix = "choose a data set and a model that it can be used for"
            raise self._refusal(f"is for {before} {rule}, this trial has {(channels, size)}; {fix}")

    def load_into(self, model: nn.Module, fresh: bool) -> None:
        """Give `model` the weights, with `fresh` all but its last layer's. Raises CannotTrain."""
        own = model.state_dict()
        spared = last_layer(model) if fresh else frozenset()
        placed = match(self.state, own, {})
        if spared and placed.doubts - spared:
            placed = _match_body(self.state, _without(own, spared)) or placed
        if placed.doubts - spared:
            advice = f"give its tensors the model's names with {EXECUTABLE} remap, or set "
            advice += "CONFIG_INIT_FROM_FRESH=y if only the last layer differs"
            raise self._refusal(f"does not fit the model: {placed.describe_mismatch()}; {advice}")
        model.load_state_dict({**own, **_without(placed.state, spared)})

    def _refusal(self, rule: str) -> CannotTrain:
        return CannotTrain(REASON, f"CONFIG_{FILE}={self.place}: {rule}")


def _match_body(state: State, body: State) -> Remapping | None:
    """Match all but the last layer, where the file has none or one of another name and shape.

    `body` are the model's tensors without it. None if they do not fit as a whole.
    """
    last = next((name for name in reversed([*state]) if state[name].ndim > 1), "")
    layer = {name for name in state if name.rpartition(".")[0] == last.rpartition(".")[0]}
    tries = (match(each, body, {}) for each in (state, _without(state, layer)) if each)
    return next((each for each in tries if each.complete), None)


def _without(state: State, names: Collection[str]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if name not in names}


def last_layer(model: nn.Module) -> frozenset[str]:
    """Return the names of the tensors of the last layer that has a matrix of weights."""
    layers = [
        (name, layer)
        for name, layer in model.named_modules()
        if any(tensor.ndim > 1 for tensor in layer.parameters(recurse=False))
    ]
    if not layers:
        return frozenset()
    name, layer = layers[-1]
    return frozenset(f"{name}.{own}".removeprefix(".") for own in layer.state_dict())


def open_start(task: Task) -> SavedWeights | None:
    """Return what the trial of a task starts from; None if from nothing. Raises UserError."""
    plan = component.build(StartPlan, Config(task.trial.config), "")
    if plan.digest is None:
        return None
    place = plan.place
    if not place:
        rule = f"the trial starts from weights with SHA-256 {plan.digest}: name their file"
        raise UserError(f"CONFIG_{FILE} is empty: {rule}")
    try:
        changed = (BASE / place).stat().st_mtime_ns
    except OSError as error:
        raise UserError(f"CONFIG_{FILE}={place}: {error.strerror or error}") from None
    return _opened(place, changed, plan.digest)


@functools.lru_cache(maxsize=2)
def _opened(place: str, changed: int, digest: str) -> SavedWeights:
    del changed
    path = BASE / place
    actual = file_sha256(path)
    if actual != digest:
        rule = f"its SHA-256 is {actual}, the trial was planned with {digest}: plan again"
        raise UserError(f"CONFIG_{FILE}={place}: {rule}")
    record = tensor_files.read(path)
    saved = record.get("format") == FORMAT
    weights = (
        _of_model(record, place) if saved else SavedWeights(place, state_in(record, path), None)
    )
    _require_finite(weights)
    return weights


def _of_model(record: Mapping[str, Any], place: str) -> SavedWeights:
    model_loading.check_record(record, place)
    with model_loading.damage_reported(place):
        if preprocessing_fingerprint(record["preprocessing"]) != record["fingerprint"]:
            rule = "does not have the fingerprint that was stored with it: it was altered"
            raise UserError(f"{place}: the preprocessing {rule}")
        return SavedWeights(
            place, record["state"], Preprocessing.from_json(record["preprocessing"], place)
        )


def _require_finite(weights: SavedWeights) -> None:
    for name, tensor in weights.state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise UserError(f"CONFIG_{FILE}={weights.place}: {name} holds what is no finite number")
