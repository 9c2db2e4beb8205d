"""`evaluate`: a saved model on its data set, or not at all."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from espalier import component
from espalier.config import Config
from espalier.contracts import CannotTrain, Dataset, Model
from espalier.errors import UserError
from espalier.sweep import planning
from espalier.train.data import Data, load_data
from espalier.train.evaluation import measured
from espalier.train.loading import HERE, LoadedModel, load_model
from espalier.train.preprocessing import raw_splits


def main(argv: Sequence[str]) -> int:
    """Say how good a model is that CONFIG_SAVE_MODEL left, on validation and test data.

    Refused where the data, or what is done to them, are not those that it was trained with.
    """
    parser = argparse.ArgumentParser(prog="evaluate", description=main.__doc__)
    parser.add_argument("model", type=Path, help="the file that a trial left (model.pt)")
    parser.add_argument("--config", type=Path, help="data as this .config has them (default: own)")
    parser.add_argument("--data-dir", help="folder of the data sets (default: as it was)")
    args = parser.parse_args(argv)
    loaded = load_model(args.model, data_dir=args.data_dir)
    config, settings = loaded.config, {**loaded.settings, **HERE}
    if args.config:
        found = planning.plan_of_one(args.config, "evaluated")
        config, settings = found.trials[0].config, {**found.settings, **HERE}
    if args.data_dir:
        settings["DATA_DIR"] = args.data_dir
    data = _data(config, settings)
    check(loaded, config, data, str(args.model))
    for name, split in (("validation", data.validation), ("test", data.test.open())):
        loss, accuracy = measured(loaded.model, split)
        print(f"{name}: loss {loss:.4f}, accuracy {accuracy:.2f} %, {len(split)} samples")
    return 0


def check(loaded: LoadedModel, config: Mapping[str, str], data: Data, place: str) -> None:
    """Raise UserError unless `data` are those of the model, prepared as they were."""
    found = raw_splits(data.request, config[component.KINDS["dataset"][1]])
    loaded.preprocessing.check(found.preprocessing, place)
    if data.fingerprint != loaded.data_fingerprint:
        rule = f"samples with fingerprint {loaded.data_fingerprint}, these have {data.fingerprint}"
        raise UserError(
            f"{place}: was trained and validated on {rule}: the split or the files differ"
        )


def _data(config: Mapping[str, str], settings: Mapping[str, str]) -> Data:
    known = Config(config)
    dataset = component.select("dataset", known, Dataset)
    model = component.select("model", known, Model)
    if model.takes is not dataset.holds:
        raise UserError(f"CONFIG_DATASET={config['DATASET']}: is nothing for the configured model")
    device = torch.device("cpu")
    try:
        return load_data(known, Config(settings), dataset, model.input_size, device)
    except CannotTrain as error:
        raise UserError(str(error)) from None
