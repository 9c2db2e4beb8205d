"""Read models that trials saved, and verify that they still compute the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from espalier.core import component
from espalier.core.contracts import CannotTrain, Model
from espalier.core.errors import UserError
from espalier.core.samples import SampleShape
from espalier.core.trial import Task, Trial
from espalier.core.trial_config import Config
from espalier.train.building import run_builder
from espalier.train.checkpoints import tensor_files
from espalier.train.checkpoints.model_files import CLOSE, FORMAT, compute_exact_logits
from espalier.train.data.preprocessing import Preprocessing, preprocessing_fingerprint

EVALUATION_SETTINGS = {"DEVICE": "cpu", "MICRO_BATCH": "0", "DOWNLOAD": "n", "SAVE_MODEL": "n"}
"""Settings for a saved network, in place of those that it was trained with."""


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model as its trial saved it, on the CPU and in evaluation mode, with its preprocessing.

    `method` is the final state of the method, with its masks. `data_fingerprint` is that of the
    samples that it was trained, validated and tested on.
    """

    model: nn.Module
    preprocessing: Preprocessing
    config: Mapping[str, str]
    settings: Mapping[str, str]
    method: Mapping[str, Any]
    data_fingerprint: str

    @torch.no_grad()
    def logits(self, raw: Tensor) -> Tensor:
        """Return logits (n, classes) of raw samples (n, channels, rows, columns)."""
        shape = tuple(raw.shape[1:])
        if shape != self.preprocessing.raw_shape:
            expected = self.preprocessing.raw_shape
            raise UserError(f"samples of shape {shape}: the model was trained on {expected}")
        logits: Tensor = self.model(self.preprocessing.preparation(raw))
        return logits


def load_model(
    path: str | Path, preprocessing: Preprocessing | None = None, data_dir: str | None = None
) -> LoadedModel:
    """Return the model in a file that CONFIG_SAVE_MODEL left.

    Raises UserError, in one line, if the file is damaged, if `preprocessing` is given and is not
    what the model was trained with, or if the stored samples no longer give the stored logits,
    within 1e-6: the file was altered, or this code computes something else. A network that its
    method gave another structure needs its data set, in `data_dir` (as stored by default).
    """
    place, record = str(path), tensor_files.read(Path(path))
    if record.get("format") != FORMAT:
        raise UserError(f"{place}: must be a model that CONFIG_SAVE_MODEL=y left, {FORMAT!r}")
    if preprocessing_fingerprint(record["preprocessing"]) != record["fingerprint"]:
        rule = "does not have the fingerprint that was stored with it: it was altered"
        raise UserError(f"{place}: the preprocessing {rule}")
    stored = Preprocessing.from_json(record["preprocessing"], place)
    if preprocessing is not None:
        stored.check(preprocessing, place)
    _check_shape(stored, SampleShape(**record["shape"]), place)
    model = _model(record, place, data_dir).eval()
    _check_probe(model, stored, record["probe"], place)
    kept = {name: record[name] for name in ("config", "settings", "method", "data_fingerprint")}
    return LoadedModel(model, stored, **kept)


def _check_shape(stored: Preprocessing, shape: SampleShape, place: str) -> None:
    """Raise UserError unless images come out as the model takes them."""
    channels, *sides = stored.raw_shape
    height, width = (stored.size or side for side in sides)
    if (channels, height, width) != (shape.channels, shape.height, shape.width):
        rule = f"makes images of shape {(channels, height, width)}, the model takes {shape}"
        raise UserError(f"{place}: the preprocessing {rule}")
    if any(numbers and len(numbers) != channels for numbers in (stored.mean, stored.std)):
        raise UserError(f"{place}: mean and std of the preprocessing need {channels} numbers each")


def _check_probe(
    model: nn.Module, stored: Preprocessing, probe: Mapping[str, Tensor], place: str
) -> None:
    logits = compute_exact_logits(model, stored, probe["x"])
    gap = float((logits - probe["logits"]).abs().max())
    if not gap < CLOSE:
        raise UserError(
            f"{place}: its {len(logits)} stored samples give other logits than they did, by "
            f"{gap:.2g}: the file was altered, or this code prepares or computes differently"
        )


def _model(record: Mapping[str, Any], place: str, data_dir: str | None) -> nn.Module:
    """Build the model as configured, or else in the structure that its method gave it."""
    config, shape = Config(record["config"]), SampleShape(**record["shape"])
    model = component.select("model", config, Model).build(shape)
    if not _fits(model, record["state"]):
        model = _with_method(record, place, data_dir)
    model.load_state_dict(record["state"])
    return model


def _fits(model: nn.Module, state: Mapping[str, Tensor]) -> bool:
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    return shapes == {name: tensor.shape for name, tensor in state.items()}


def _with_method(record: Mapping[str, Any], place: str, data_dir: str | None) -> nn.Module:
    settings = {**record["settings"], **EVALUATION_SETTINGS}
    if data_dir is not None:
        settings["DATA_DIR"] = data_dir
    trial = Trial(1, "config_001", "", record["config"])
    try:
        run = run_builder.build_trainer(Task.single(trial, settings, Path()))[0].run
    except CannotTrain as error:
        raise UserError(f"{place}: {error}") from None
    run.method.load_state_dict(run, record["method"])
    if not _fits(run.model, record["state"]):
        rule = f"{run.method} gave the network a structure that cannot be built again"
        raise UserError(f"{place}: {rule}")
    return run.model
