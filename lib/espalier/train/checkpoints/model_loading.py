"""Read models that trials saved, and verify that they still compute the same.

Anybody may have made the file. Reading it runs no code, and of its configuration the paths and the
checks are not taken (see `espalier.kconfig.trust`); nor is any of its settings.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from espalier.core import component
from espalier.core.contracts import CannotTrain, Model
from espalier.core.decoding import trees
from espalier.core.errors import UserError
from espalier.core.samples import SampleShape
from espalier.core.trees.needed_trees import check_components
from espalier.core.trial import Task, Trial
from espalier.core.trial_config import Config
from espalier.kconfig import assign, tree, trust
from espalier.kconfig.symbols import Symbols
from espalier.train.building import run_builder
from espalier.train.building.starting_point import FILE
from espalier.train.checkpoints import tensor_files
from espalier.train.checkpoints.model_files import CLOSE, FORMAT, compute_exact_logits
from espalier.train.data.preprocessing import Preprocessing, preprocessing_fingerprint

EVALUATION_SETTINGS = {"DEVICE": "cpu", "MICRO_BATCH": "0", "DOWNLOAD": "n", "SAVE_MODEL": "n"}
"""Settings for a saved network, whatever others are."""
FIELDS: dict[str, type] = {
    **dict.fromkeys(("config", "settings", "shape", "state", "method"), dict),
    **dict.fromkeys(("preprocessing", "probe"), dict),
    **dict.fromkeys(("fingerprint", "data_fingerprint"), str),
}
"""What a file must hold, and its kind."""
HOW = "--data-dir or --config gives them"
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model as its trial saved it, on the CPU and in evaluation mode, with its preprocessing.

    `config` and `settings` are those of its trial, which the file says. `method` is the final state
    of the method, with its masks. `data_fingerprint` is that of the samples that it was trained,
    validated and tested on. `code` is the record of what it was made with.
    """

    model: nn.Module
    preprocessing: Preprocessing
    config: Mapping[str, str]
    settings: Mapping[str, str]
    method: Mapping[str, Any]
    data_fingerprint: str
    code: Mapping[str, Any]

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
    path: str | Path,
    preprocessing: Preprocessing | None = None,
    data_dir: str | None = None,
    given: Mapping[str, str] | None = None,
) -> LoadedModel:
    """Return the model in a file that CONFIG_SAVE_MODEL left.

    Raises UserError, in one line, if the file is damaged, if `preprocessing` is given and is not
    what the model was trained with, or if the stored samples no longer give the stored logits,
    within 1e-6: the file was altered, or this code computes something else; or if the model is of a
    tree outside that EXTERNAL does not name. A network that its
    method gave another structure needs its data set, in `data_dir` (by default CONFIG_DATA_DIR's
    default). `given` are values by symbol to use where the file's own are not taken.
    """
    place, record = str(path), tensor_files.read(Path(path))
    check_record(record, place)
    given = {**(given or {}), **({} if data_dir is None else {"DATA_DIR": data_dir})}
    with damage_reported(place):
        return _load(record, place, preprocessing, given)


def check_record(record: Mapping[str, Any], place: str) -> None:
    """Raise UserError unless a record has the parts of a saved model."""
    if record.get("format") != FORMAT:
        raise UserError(f"{place}: must be a model that CONFIG_SAVE_MODEL=y left, {FORMAT!r}")
    for name, kind in FIELDS.items():
        if not isinstance(record.get(name), kind):
            rule = f"must be a {kind.__name__}, not {type(record.get(name)).__name__}"
            raise UserError(f"{place}: damaged: {name!r} {rule}")
    for name in ("config", "settings"):
        if not all(isinstance(text, str) for pair in record[name].items() for text in pair):
            raise UserError(f"{place}: damaged: {name!r} must be texts by text")


@contextmanager
def damage_reported(place: str) -> Iterator[None]:
    """Report what goes wrong with the content of a file as one line."""
    try:
        yield
    except tensor_files.MALFORMED as error:
        what = tensor_files.first_line(error)
        rule = "not a model that this version can build, or damaged"
        raise UserError(f"{place}: {rule} ({type(error).__name__}: {what})") from error


def _load(
    record: Mapping[str, Any],
    place: str,
    preprocessing: Preprocessing | None,
    given: Mapping[str, str],
) -> LoadedModel:
    if preprocessing_fingerprint(record["preprocessing"]) != record["fingerprint"]:
        rule = "does not have the fingerprint that was stored with it: it was altered"
        raise UserError(f"{place}: the preprocessing {rule}")
    stored = Preprocessing.from_json(record["preprocessing"], place)
    if preprocessing is not None:
        stored.check(preprocessing, place)
    _check_shape(stored, SampleShape(**record["shape"]), place)
    model = _model(record, place, given).eval()
    _check_probe(model, stored, record["probe"], place)
    kept = {name: record[name] for name in ("config", "settings", "method", "data_fingerprint")}
    return LoadedModel(model, stored, **kept, code=record.get("code", {}))


def evaluation_values(
    config: Mapping[str, str], settings: Mapping[str, str], place: str, given: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the configuration and settings for work on the data of a saved model, on the CPU.

    Of the file's `config` all is taken that needs no trust, of its `settings` nothing: none of them
    changes a number. In their place are those `given` and the defaults. A note says what is left
    out that needs trust.
    """
    symbols = Symbols(tree.parse())
    here = assign.effective_config(symbols, symbols.settings)
    here |= {n: v for n, v in given.items() if n in symbols.settings}
    here |= EVALUATION_SETTINGS
    config = {name: value for name, value in config.items() if name != FILE}
    taken = trust.without_trust(symbols, config, given)
    needed = [name for name in symbols.need_trust if name not in EVALUATION_SETTINGS]
    trusted = {n: v for n, v in settings.items() if n in needed}
    _warn(trust.note_ignored(place, {**config, **trusted}, {**here, **taken}, HOW))
    return taken, here


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


@functools.cache
def _warn(note: str) -> None:
    """Print a note, once in a process, on standard error."""
    if note:
        log.warning(note)


def _model(record: Mapping[str, Any], place: str, given: Mapping[str, str]) -> nn.Module:
    """Build the model as configured, or else in the structure that its method gave it."""
    check_components(record["config"], ["model"], trees(record.get("code")), place)
    try:
        spec = component.select("model", Config(record["config"]), Model)
        model = spec.build(SampleShape(**record["shape"]))
    except (CannotTrain, UserError) as error:
        raise UserError(f"{place}: {error}") from None
    if not _fits(model, record["state"]):
        model = _with_method(record, place, given)
    model.load_state_dict(record["state"])
    return model


def _fits(model: nn.Module, state: Mapping[str, Tensor]) -> bool:
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    return shapes == {name: tensor.shape for name, tensor in state.items()}


def _with_method(record: Mapping[str, Any], place: str, given: Mapping[str, str]) -> nn.Module:
    check_components(record["config"], component.KINDS, trees(record.get("code")), place)
    config, settings = evaluation_values(record["config"], record["settings"], place, given)
    trial = Trial(1, "config_001", "", config)
    try:
        run = run_builder.build_trainer(Task.single(trial, settings, Path()))[0].run
    except CannotTrain as error:
        raise UserError(f"{place}: {error}") from None
    run.method.load_state_dict(run, record["method"])
    if not _fits(run.model, record["state"]):
        rule = f"{run.method} gave the network a structure that cannot be built again"
        raise UserError(f"{place}: {rule}")
    return run.model
