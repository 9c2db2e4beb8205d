"""Arrays of one's own: their kinds and axes, the test part, the size, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import own_data
import pytest
from trial_tasks import small_task

from espalier.__main__ import main
from espalier.core.errors import UserError
from espalier.core.samples import RawData
from espalier.core.trial import Status, Task
from espalier.datasets import npz_size
from espalier.datasets.npz import Npz
from espalier.datasets.sample_counts import ImageCounts
from espalier.plan import planning
from espalier.train import worker_entry


def load(folder: Path, channels: Literal["last", "first"] = "last", **arrays: Any) -> RawData:
    own_data.write_npz(folder / "own.npz", **arrays)
    return Npz(file="own.npz", channels=channels).load(folder, download=False)


def refused(folder: Path, **arrays: Any) -> str:
    with pytest.raises(UserError) as caught:
        load(folder, **arrays)
    (line,) = caught.value.lines
    return line.removeprefix(f"{folder}/own.npz: ")


def test_every_fifth_sample_of_a_class_is_the_test(tmp_path: Path) -> None:
    held = own_data.write_npz(tmp_path / "own.npz")
    raw = load(tmp_path)
    assert raw.classes == 4
    assert raw.train_x.shape == (160, 1, 8, 8) and raw.test_x.shape == (40, 1, 8, 8)
    assert np.array_equal(raw.test_x[0, 0].numpy(), held["x"][16])  # the fifth of class 0
    assert raw.test_y.bincount().tolist() == [10] * 4


def test_a_test_of_its_own_is_taken_as_it_is(tmp_path: Path) -> None:
    x, y = own_data.images(seed=1)
    raw = load(tmp_path, x_test=x[:7], y_test=y[:7].astype(np.int16))
    assert len(raw.train_y) == 200
    assert np.array_equal(raw.test_x[:, 0].numpy(), x[:7])
    assert raw.test_y.tolist() == y[:7].tolist()


def test_bytes_stay_and_floats_are_not_scaled(tmp_path: Path) -> None:
    assert str(load(tmp_path).train_x.dtype) == "torch.uint8"
    wide = np.arange(800, dtype=np.float64).reshape(200, 4) - 300
    raw = load(tmp_path, x=wide)
    assert raw.train_x.shape == (160, 1, 1, 4) and str(raw.train_x.dtype) == "torch.float32"
    assert raw.train_x[0].flatten().tolist() == [-300, -299, -298, -297]


def test_channels_are_where_they_are_said_to_be(tmp_path: Path) -> None:
    x, _ = own_data.images(pixels=(3,))
    last = load(tmp_path, x=x)
    first = load(tmp_path, channels="first", x=x.transpose(0, 3, 1, 2))
    assert last.train_x.shape == (160, 3, 8, 8)
    assert np.array_equal(last.train_x.numpy(), first.train_x.numpy())
    line = refused(tmp_path, x=x.transpose(0, 3, 1, 2))
    assert line.endswith("channels are to be last; set CONFIG_NPZ_CHANNELS_FIRST=y")
    line = refused(tmp_path, channels="first", x=x)
    assert line.endswith("channels are to be first; set CONFIG_NPZ_CHANNELS_LAST=y")


def own_task(folder: Path, **changes: str) -> Task:
    """A small trial on own.npz."""
    chosen = {"DATASET": "npz", "NPZ_FILE": "own.npz", "TRAIN_SUBSET": "0"}
    return small_task({"DATA_DIR": str(folder)}, **chosen, **changes)


X = np.zeros((200, 8, 8), np.uint8)
LEARNING = {"PRUNING_METHOD": "none", "LEARNING_RATE": "0.01", "NUM_EPOCHS": "6"}


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"x": X.astype(int)}, "array x: is int64; must be uint8 in 0..255 or a float"),
        ({"x": X == 0}, "array x: is bool; must be uint8"),
        ({"x": X + np.nan}, "array x: holds a number that is not finite as float32"),
        ({"x": X + 1e300}, "array x: holds a number that is not finite as float32"),
        ({"x": X[:, 0, 0]}, "array x: its shape is (200,); must be (n, values), (n,"),
        ({"x": X[:, :0]}, "array x: its shape is (200, 0, 8)"),
        ({"x": X[None, None]}, "array x: its shape is (1, 1, 200, 8, 8)"),
        ({"x": X[:9]}, "array x: holds 9 samples, and there are 200 labels"),
        (
            {"x_test": X[:, :4], "y_test": X[:, 0, 0]},
            "array x_test: is uint8 of shape (n, 1, 4, 8), x is uint8 of shape (n, 1, 8, 8)",
        ),
        ({"x_test": X / 255, "y_test": X[:, 0, 0]}, "array x_test: is float32 of shape"),
        ({"x_test": X[:9], "y_test": X[:, 0, 0]}, "array x_test: holds 9 samples"),
    ],
)  # fmt: skip
def test_other_arrays_are_named(tmp_path: Path, arrays: dict[str, Any], why: str) -> None:
    assert refused(tmp_path, **arrays).startswith(why)


def test_no_file_is_named_by_default(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='CONFIG_NPZ_FILE="": names no file; set it to the path'):
        Npz().load(tmp_path, download=True)


def test_a_plan_counts_what_is_loaded(tmp_path: Path) -> None:
    raw = load(tmp_path)
    counts = npz_size.count_samples({"NPZ_FILE": "own.npz"}, tmp_path)
    assert counts == ImageCounts(len(raw.train_y), raw.classes, len(raw.test_y))
    assert npz_size.count_samples({"NPZ_FILE": "absent.npz"}, tmp_path) is None
    assert npz_size.count_samples({"NPZ_FILE": ""}, tmp_path) is None


def test_a_budget_of_parameters_is_that_of_the_shape_in_the_file(tmp_path: Path) -> None:
    own_data.write_npz(tmp_path / "own.npz")
    lines = f'CONFIG_DATASET=npz\nCONFIG_NPZ_FILE="{tmp_path}/own.npz"\nCONFIG_MODEL=mlp\n'
    lines += "CONFIG_MLP_LAYERS=2\nCONFIG_MLP_WIDTH=0\nCONFIG_MAX_PARAMS=700\n"
    (tmp_path / "range").write_text(lines + "CONFIG_PRUNING_METHOD=none\n", encoding="utf-8")
    (trial,) = planning.plan_from_files([tmp_path / "range"]).trials
    assert trial.config["MLP_WIDTH"] == "8"  # 65 * 8 + 9 * 8 + 9 * 4 = 628; with 9, 715


def test_packs_train_them_as_alone(tmp_path: Path) -> None:
    own_data.write_npz(tmp_path / "own.npz")
    seeds = [own_task(tmp_path, SEED=seed, MODEL="mlp") for seed in ("1", "2")]
    results = dict(worker_entry.train_pack(seeds))
    for place, task in enumerate(seeds):
        packed, alone = (
            each.measures["val_loss"] for each in (results[place], worker_entry.train_trial(task))
        )
        assert packed == pytest.approx(alone, rel=1e-5)


def test_a_saved_model_is_evaluated_on_the_file_that_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_data.write_npz(tmp_path / "own.npz")
    values = tmp_path / "values"
    lines = ["DATASET=npz", f'NPZ_FILE="{tmp_path}/own.npz"', "MODEL=mlp", "PRUNING_METHOD=none"]
    lines += ["NUM_EPOCHS=2", "SAVE_MODEL=y"]
    values.write_text("".join(f"CONFIG_{line}\n" for line in lines), encoding="utf-8")
    plan, results = str(tmp_path / "plan"), tmp_path / "results"
    assert main(["sweep-generate", str(values), "--output-dir", plan]) == 0
    command = ["sweep-run", "--config-dir", plan, "--output-dir", str(results), "--in-process"]
    assert main(command) == 0
    (model,) = map(str, results.glob("*/model.pt"))
    assert main(["evaluate", model]) == 2
    assert 'error: CONFIG_NPZ_FILE="": names no file' in capsys.readouterr().err
    config = str(next(results.glob("*/config.txt")))
    assert main(["evaluate", model, "--config", config]) == 0
    assert "40 samples" in capsys.readouterr().out
    own_data.write_npz(tmp_path / "own.npz", seed=1)
    assert main(["evaluate", model, "--config", config]) == 2
    assert "model.pt: was trained with" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["mlp", "lenet5"])
def test_models_learn_from_them(tmp_path: Path, model: str) -> None:
    own_data.write_npz(tmp_path / "own.npz")
    result = worker_entry.train_trial(own_task(tmp_path, MODEL=model, **LEARNING))
    assert result.status is Status.PASSED
    assert result.measures["test_acc"] > 60  # of 100; chance is 25
