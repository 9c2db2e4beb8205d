"""Evaluate a saved model on its data set, after a check that both are unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from espalier.core import component
from espalier.core.contracts import CannotTrain, Dataset, Model
from espalier.core.decoding import trees
from espalier.core.errors import UserError
from espalier.core.trees.needed_trees import check_components
from espalier.core.trial_config import Config
from espalier.train.building.starting_point import DIGEST
from espalier.train.checkpoints.model_loading import (
    LoadedModel,
    damage_reported,
    evaluation_values,
    load_model,
)
from espalier.train.data.preprocessing import load_raw_splits
from espalier.train.data.splits import Data, load_data
from espalier.train.data.transforms import Normalization
from espalier.train.engine.evaluation import evaluate_model

Symbols = Mapping[str, str]
"""Values by symbol, without CONFIG_."""


@dataclass(frozen=True)
class SplitScore:
    """The evaluation of a model on one split: `loss` in nats, `accuracy` in percent."""

    split: str
    loss: float
    accuracy: float
    samples: int


def reevaluate(
    path: Path, others: tuple[Symbols, Symbols] | None = None, data_dir: str | None = None
) -> list[SplitScore]:
    """Return how good a saved model is on validation and test data.

    The data are its own, or those of `others`, the configuration and the settings of another
    trial; `data_dir` is another folder of the data sets. Raises UserError where the data, or what
    is done to them, are not those that the model was trained with.
    """
    given = {**others[0], **others[1]} if others else {}
    given |= {"DATA_DIR": data_dir} if data_dir else {}
    loaded = load_model(path, given=given)
    own = others or (loaded.config, loaded.settings)
    check_components(own[0], ["dataset"], trees(loaded.code), str(path))
    config, settings = evaluation_values(*own, str(path), given)
    with damage_reported(str(path)):
        inherited = DIGEST in loaded.config  # the preprocessing was that of other weights
        numbers = loaded.preprocessing.normalization if inherited else None
        data = _data(config, settings, numbers)
        check_data(loaded, config, data, str(path))
    splits = {"validation": data.validation, "test": data.test.open()}
    return [
        SplitScore(name, *evaluate_model(loaded.model, split), len(split))
        for name, split in splits.items()
    ]


def check_data(loaded: LoadedModel, config: Mapping[str, str], data: Data, place: str) -> None:
    """Raise UserError unless `data` are those of the model, prepared as they were."""
    raw = load_raw_splits(data.request, config[component.KINDS["dataset"][1]])
    loaded.preprocessing.check(raw.preprocessing, place)
    if data.fingerprint != loaded.data_fingerprint:
        rule = f"samples with fingerprint {loaded.data_fingerprint}, these have {data.fingerprint}"
        raise UserError(
            f"{place}: was trained and validated on {rule}: the split or the files differ"
        )


def _data(
    values: Mapping[str, str], settings: Mapping[str, str], numbers: Normalization | None
) -> Data:
    config = Config(values)
    dataset = component.select("dataset", config, Dataset)
    model = component.select("model", config, Model)
    if model.takes is not dataset.holds:
        raise UserError(f"CONFIG_DATASET={values['DATASET']}: is nothing for the configured model")
    device = torch.device("cpu")
    try:
        return load_data(config, Config(settings), dataset, model.input_size, device, numbers)
    except CannotTrain as error:
        raise UserError(str(error)) from None
