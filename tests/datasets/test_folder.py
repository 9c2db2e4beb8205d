"""Images of one's own in folders: labels, the test part, colours, the size, training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import own_data
import pytest
from trial_tasks import small_task

from espalier.core.errors import UserError
from espalier.core.trial import Status
from espalier.datasets import folder_size
from espalier.datasets.folder import Folder
from espalier.datasets.sample_counts import ImageCounts
from espalier.train import worker_entry

LEARNING = {"PRUNING_METHOD": "none", "LEARNING_RATE": "0.01", "NUM_EPOCHS": "6"}


def test_every_fifth_image_of_a_class_is_the_test(tmp_path: Path) -> None:
    held = own_data.write_folders(tmp_path / "own")
    raw = Folder(path="own").load(tmp_path, download=False)
    assert raw.classes == 4
    assert raw.train_x.shape == (160, 3, 8, 8) and raw.test_x.shape == (40, 3, 8, 8)
    assert np.array_equal(raw.test_x[0].permute(1, 2, 0).numpy(), held["x"][16])  # class 0's fifth
    assert raw.train_y.tolist() == [0] * 40 + [1] * 40 + [2] * 40 + [3] * 40


def test_a_test_of_its_own_is_taken_as_it_is(tmp_path: Path) -> None:
    held = own_data.write_folders(tmp_path / "own", test=10)
    raw = Folder(path="own").load(tmp_path, download=False)
    assert len(raw.train_y) == 190
    assert raw.test_y.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 3, 3]
    assert np.array_equal(raw.test_x[3].permute(1, 2, 0).numpy(), held["x"][1])


def test_grey_has_a_channel_and_a_side_is_that_of_all(tmp_path: Path) -> None:
    own_data.write_folders(tmp_path / "own")
    raw = Folder(path=str(tmp_path / "own"), colours="grey", side=5).load(Path(), download=False)
    assert raw.train_x.shape == (160, 1, 5, 5)


def test_no_folder_is_named_by_default(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='CONFIG_FOLDER_PATH="": names no file; set it to the pa'):
        Folder().load(tmp_path, download=True)


def test_a_plan_counts_what_is_loaded_and_opens_no_image(tmp_path: Path) -> None:
    own_data.write_folders(tmp_path / "own")
    raw = Folder(path="own").load(tmp_path, download=False)
    for path in (tmp_path / "own").glob("*/*"):
        path.write_bytes(b"")
    counts = folder_size.count_samples({"FOLDER_PATH": "own"}, tmp_path)
    assert counts == ImageCounts(len(raw.train_y), raw.classes, len(raw.test_y))
    for path in ("absent", ""):
        assert folder_size.count_samples({"FOLDER_PATH": path}, tmp_path / "own") is None


@pytest.mark.parametrize("model", ["mlp", "lenet5"])
def test_models_learn_from_them(tmp_path: Path, model: str) -> None:
    own_data.write_folders(tmp_path / "own", test=40)
    chosen = {"DATASET": "folder", "FOLDER_PATH": "own", "TRAIN_SUBSET": "0"}
    task = small_task({"DATA_DIR": str(tmp_path)}, MODEL=model, **LEARNING, **chosen)
    result = worker_entry.train_trial(task)
    assert result.status is Status.PASSED
    assert result.measures["test_acc"] > 60  # of 100; chance is 25
