"""A saved model is read as it was, or refused in one line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import trial_tasks
from torch import nn

import espalier
from espalier.__main__ import run
from espalier.core.errors import UserError
from espalier.core.trial import MODEL, Status, Task
from espalier.datasets.digits import Digits
from espalier.kconfig import tree
from espalier.train import worker_entry
from espalier.train.checkpoints import model_loading, reevaluation, tensor_files
from espalier.train.checkpoints.model_files import ModelSaving
from espalier.train.data import preprocessing
from espalier.train.data.preprocessing import Preprocessing
from espalier.train.loop import Loop

SETTINGS = {**trial_tasks.SETTINGS, "SAVE_MODEL": "y"}
SMALL = {"TRAIN_SUBSET": "120", "NUM_EPOCHS": "2", "MODEL": "mlp", "PRUNING_METHOD": "none"}


def task(folder: Path, **changes: str) -> Task:
    return trial_tasks.task({**SMALL, **changes}, SETTINGS, folder)


def saved(folder: Path, **changes: str) -> Path:
    result = worker_entry.train_trial(task(folder, **changes))
    assert result.status is Status.PASSED, result.message
    return folder / MODEL


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of one small trial; not to be written to."""
    return saved(tmp_path_factory.mktemp("saved"))


@pytest.fixture
def altered(model: Path, tmp_path: Path) -> Any:
    """What comes of changing the file: `altered(change)`, where `change` gets its record."""

    def made(change: Any, forged: bool = False) -> Path:
        record = tensor_files.read(model)
        change(record)
        if forged:  # by someone who knows how fingerprints are made
            record["fingerprint"] = preprocessing.preprocessing_fingerprint(record["preprocessing"])
        tensor_files.write(tmp_path / "altered.pt", record)
        return tmp_path / "altered.pt"

    return made


def test_it_computes_what_the_trial_did(tmp_path: Path) -> None:
    trainer, data = worker_entry.prepare(task(tmp_path))
    for _ in Loop([trainer]).epochs():
        pass
    trainer.run.model.eval()
    with torch.no_grad():
        before = trainer.run.model(trainer.run.validation.x)
    ModelSaving(True).save(task(tmp_path), trainer.run, data)
    loaded = espalier.load_model(tmp_path / MODEL)
    raw = preprocessing.load_raw_splits(data.request, "digits").splits[1].x
    assert (loaded.logits(raw) - before).abs().max() < 1e-6
    assert torch.equal(loaded.logits(raw), before)
    weights = dict(trainer.run.model.named_parameters())
    assert all(torch.equal(p, weights[name]) for name, p in loaded.model.named_parameters())
    assert {p.dtype for p in weights.values()} == {torch.float32}


def test_nothing_is_left_where_nobody_asked(tmp_path: Path) -> None:
    quiet = {**SETTINGS, "SAVE_MODEL": "n"}
    saving = task(tmp_path)
    result = worker_entry.train_trial(Task.single(saving.trial, quiet, tmp_path))
    assert result.status is Status.PASSED
    assert list(tmp_path.iterdir()) == []


def test_numbers_are_the_same_with_and_without_a_file(tmp_path: Path) -> None:
    saving = task(tmp_path)
    quiet = Task.single(saving.trial, {**SETTINGS, "SAVE_MODEL": "n"}, tmp_path)
    saved, unsaved = worker_entry.train_trial(saving), worker_entry.train_trial(quiet)
    skipped = {"total_time"}
    assert {k: v for k, v in saved.measures.items() if k not in skipped} == {
        k: v for k, v in unsaved.measures.items() if k not in skipped
    }


def test_a_network_that_its_method_widened(tmp_path: Path) -> None:
    growth = {"APOPTOSIS_GROWTH_RATE": "0.2", "APOPTOSIS_GROWTH_INTERVAL": "3"}
    path = saved(tmp_path, PRUNING_METHOD="apoptosis_growth", MLP_WIDTH="16", **growth)
    first = next(espalier.load_model(path).model.parameters())
    assert first.shape[0] > 16


def test_masks_are_in_the_file(tmp_path: Path) -> None:
    """As births of edges, negative where there is none; not to be guessed from zeros."""
    path = saved(tmp_path, PRUNING_METHOD="set", SPARSE_DENSITY="0.5", SPARSE_EVERY="4")
    loaded = espalier.load_model(path)
    births = loaded.method["edges"]["births"]
    weights = [p for p in loaded.model.parameters() if p.ndim == 2]
    dead = [births[i] < 0 for i in range(len(births))]
    assert 0.4 < sum(map(torch.sum, dead)) / sum(d.numel() for d in dead) < 0.6
    assert all(not w[d].any() for w, d in zip(weights, dead, strict=True))


def scaled(name: str) -> Any:
    def change(record: dict[str, Any]) -> None:
        record["preprocessing"][name] = [1.01 * v for v in record["preprocessing"][name]]

    return change


def put(name: str, value: Any) -> Any:
    def change(record: dict[str, Any]) -> None:
        record["preprocessing"][name] = value

    return change


CHANGES = {
    "mean": scaled("mean"),
    "sd": scaled("std"),
    "flatten order": put("layout", "rows, columns, channels"),
    "crop": put("crop", "6 pixels in the centre"),
    "size": put("size", 10),
    "channels": put("mean", [0.1, 0.2]),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("forged", [False, True], ids=["altered", "forged"])
def test_altered_preprocessing_is_refused(altered: Any, what: str, forged: bool) -> None:
    path = altered(CHANGES[what], forged)
    with pytest.raises(UserError) as caught:
        espalier.load_model(path)
    assert "\n" not in str(caught.value)


def test_altered_weights_are_refused(altered: Any) -> None:
    def change(record: dict[str, Any]) -> None:
        first = next(iter(record["state"].values()))
        first[first.abs() == first.abs().max()] *= 1.001

    with pytest.raises(UserError, match="other logits"):
        espalier.load_model(altered(change))


def test_other_code_is_refused(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stored samples tell on a change that no record names: another flatten order."""
    real = nn.Flatten.forward
    monkeypatch.setattr(nn.Flatten, "forward", lambda self, x: real(self, x.transpose(2, 3)))
    with pytest.raises(UserError, match="other logits"):
        espalier.load_model(model)


def test_the_caller_s_preprocessing_must_be_the_model_s(model: Path) -> None:
    own = espalier.load_model(model).preprocessing
    assert espalier.load_model(model, own).preprocessing == own
    other = Preprocessing(**{**vars(own), "mean": (0.5,)})
    with pytest.raises(UserError, match=r"preprocessing mean=\[0\.\d+\], here it is \[0\.5\]"):
        espalier.load_model(model, other)


def test_a_fingerprint_is_of_the_content() -> None:
    record = {"b": [0.1, None], "a": "text"}
    text = '{"a": "text", "b": [0.1, null]}'
    assert (
        preprocessing.preprocessing_fingerprint(record) == hashlib.sha256(text.encode()).hexdigest()
    )
    assert json.loads(text) == record


def test_samples_of_another_shape_are_one_line(model: Path) -> None:
    with pytest.raises(UserError, match=r"\(1, 9, 9\).*\(1, 8, 8\)"):
        espalier.load_model(model).logits(torch.zeros(2, 1, 9, 9))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_that_is_not_whole(model: Path, tmp_path: Path, share: float) -> None:
    path, content = tmp_path / "cut.pt", model.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"cut\.pt") as caught:
        espalier.load_model(path)
    assert "\n" not in str(caught.value)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    for value in ([1, 2], {"a": 1}, Digits()):
        torch.save(value, tmp_path / "other.pt")
        with pytest.raises(UserError, match=r"other\.pt"):
            espalier.load_model(tmp_path / "other.pt")
    with pytest.raises(UserError, match="No such file"):
        espalier.load_model(tmp_path / "none.pt")


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    tensor_files.write(path, {"a": 1})
    with pytest.raises((AttributeError, TypeError, RuntimeError)):
        tensor_files.write(path, {"a": lambda: 1})
    assert tensor_files.read(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "changes",
    [
        {"DATASET": "text", "MODEL": "charlm", "TRAIN_SUBSET": "0"},
        {"SHIFT": "permuted", "SHIFT_EPOCHS": "1"},
    ],
    ids=["text", "permuted"],
)
def test_what_could_not_be_checked_later_is_refused_at_once(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    result = worker_entry.train_trial(task(tmp_path, **changes))
    assert (result.status, result.reason) == (Status.ERROR, "input")


def evaluate_lines(path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> list[str]:
    assert run(["evaluate", str(path), *more]) == 0
    return capsys.readouterr().out.splitlines()


def test_evaluate_says_what_the_trial_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = worker_entry.train_trial(task(tmp_path))
    validation, test = evaluate_lines(tmp_path / MODEL, capsys)
    assert f"loss {result.measures['val_loss']:.4f}" in validation
    assert f"accuracy {result.measures['test_acc']:.2f} %" in test


def configured(folder: Path, *lines: str) -> list[str]:
    wishes, path = folder / "wishes", folder / "config"
    wishes.write_text(
        "\n".join(("CONFIG_TRAIN_SUBSET=120", "CONFIG_DEVICE_CPU=y", *lines)) + "\n",
        encoding="utf-8",
    )
    kconf = tree.parse()
    kconf.load_config(str(wishes))
    kconf.write_config(str(path))
    return ["--config", str(path)]


def test_evaluate_with_the_configuration_of_another_trial(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = configured(tmp_path, "CONFIG_MODEL_SELECT_MLP=y")
    assert evaluate_lines(model, capsys, *same) == evaluate_lines(model, capsys)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("# CONFIG_NORMALIZE is not set", "preprocessing mean"),
        ("CONFIG_MODEL_SELECT_LENET5=y", "preprocessing size"),
        ("CONFIG_SPLIT_SEED=1", "preprocessing mean"),
    ],
)
def test_evaluate_refuses_other_preprocessing(
    model: Path, tmp_path: Path, line: str, rule: str
) -> None:
    with pytest.raises(UserError, match=rule) as caught:
        run(["evaluate", str(model), *configured(tmp_path, line)])
    assert "\n" not in str(caught.value)


def test_evaluate_refuses_other_samples(model: Path, tmp_path: Path) -> None:
    """Equal statistics, other files or another split: the test would not be a test."""
    loaded = espalier.load_model(model)
    trainer, data = worker_entry.prepare(task(tmp_path))
    reevaluation.check_data(loaded, loaded.config, data, "place")
    other = model_loading.LoadedModel(**{**vars(loaded), "data_fingerprint": "0" * 16})
    with pytest.raises(UserError, match="fingerprint"):
        reevaluation.check_data(other, loaded.config, data, "place")
    assert trainer.micro_batch == 0


def test_values_of_an_evaluation_are_the_user_s_or_the_defaults() -> None:
    file = {"DATA_DIR": "/theirs", "DATA_WORKERS": "256", "DEVICE": "cuda"}
    given = {"DATA_DIR": "/mine", "DATA_MEMORY": "100", "DOWNLOAD": "y", "DEVICE": "cuda"}
    config, settings = model_loading.evaluation_values({"SEED": "3"}, file, "m.pt", given)
    assert config == {"SEED": "3"}
    expected = {"DATA_DIR": "/mine", "DATA_MEMORY": "100", "DATA_WORKERS": "0"}
    assert settings.items() >= {**expected, "DEVICE": "cpu", "DOWNLOAD": "n"}.items()
