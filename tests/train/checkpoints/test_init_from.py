"""A run starts from the weights of a file, prepared as they were, or is refused in one line."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import trial_tasks
from torch import Tensor

from espalier.core.contracts import CannotTrain
from espalier.core.errors import UserError
from espalier.core.trial import Status, Task
from espalier.plan import planning
from espalier.train import worker_entry
from espalier.train.checkpoints import init_from, model_loading, reevaluation, tensor_files
from espalier.train.data.preprocessing import preprocessing_fingerprint
from espalier.train.loop import Loop

SMALL = {
    **{"MODEL": "mlp", "MLP_WIDTH": "8", "MLP_LAYERS": "1", "PRUNING_METHOD": "none"},
    **{"TRAIN_SUBSET": "120", "NUM_EPOCHS": "1", "OPTIMIZER": "sgd"},
}
SETTINGS = {**trial_tasks.SETTINGS, "SAVE_MODEL": "y"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of one small trial; not to be written to."""
    folder = tmp_path_factory.mktemp("saved")
    result = worker_entry.train_trial(trial_tasks.task(SMALL, SETTINGS, folder))
    assert result.status is Status.PASSED, result.message
    return folder / "model.pt"


def started(path: Path, folder: Path, **changes: str) -> Task:
    """A task from a file, with a subset of its own, so that a mean of its own would differ."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "0" * 64
    values = {**SMALL, "TRAIN_SUBSET": "60", "INIT_FROM": str(path)}
    values |= {"INIT_FROM_SHA256": digest, **changes}
    return trial_tasks.task(values, SETTINGS, folder)


def state_of(task: Task) -> dict[str, Tensor]:
    trainer, _ = worker_entry.prepare(task)
    return trainer.run.model.state_dict()


def test_weights_and_preprocessing_are_those_of_the_file(model: Path, tmp_path: Path) -> None:
    loaded = model_loading.load_model(model)
    task = started(model, tmp_path)
    trainer, data = worker_entry.prepare(task)
    weights = trainer.run.model.state_dict()
    assert all(torch.equal(weights[name], t) for name, t in loaded.model.state_dict().items())
    raw = trial_tasks.task({**SMALL, "TRAIN_SUBSET": "60", "NORMALIZE": "n"}, SETTINGS)
    unscaled = worker_entry.prepare(raw)[1].train.x
    mean, std = loaded.preprocessing.mean, loaded.preprocessing.std
    assert mean is not None and std is not None
    expected = (unscaled - torch.tensor(mean).float()) / torch.tensor(std).float()
    assert torch.allclose(data.train.x, expected, atol=1e-6)
    assert abs(float(data.train.x.mean())) > 1e-3  # its own mean would have made this 0


def test_pretrained_layers_stay_and_the_last_one_learns(model: Path, tmp_path: Path) -> None:
    """Where layers thaw only after the run, the last matrix and bias alone move."""
    rates = {"RATES": "pretrained", "RATES_PRETRAINED_UNFREEZE": "10"}
    task = started(model, tmp_path, **rates)
    trainer, _ = worker_entry.prepare(task)
    before = {name: t.clone() for name, t in trainer.run.model.state_dict().items()}
    list(Loop([trainer]).epochs())
    after = trainer.run.model.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == init_from.last_layer(trainer.run.model)


def test_a_fine_tuned_model_is_evaluated_as_it_was_trained(model: Path, tmp_path: Path) -> None:
    result = worker_entry.train_trial(started(model, tmp_path))
    assert result.status is Status.PASSED, result.message
    saved = tmp_path / "model.pt"
    source = model_loading.load_model(model).preprocessing
    assert model_loading.load_model(saved).preprocessing.mean == source.mean
    _, test = reevaluation.reevaluate(saved)
    assert test.accuracy == pytest.approx(result.measures["test_acc"])


def test_a_fresh_last_layer_is_what_the_model_draws(model: Path, tmp_path: Path) -> None:
    fresh = state_of(started(model, tmp_path, INIT_FROM_FRESH="y"))
    drawn = state_of(trial_tasks.task(SMALL, SETTINGS))
    source = model_loading.load_model(model).model.state_dict()
    names = list(fresh)
    assert all(torch.equal(fresh[name], source[name]) for name in names[:2])
    assert all(torch.equal(fresh[name], drawn[name]) for name in names[2:])


def test_a_last_layer_for_other_classes_must_be_fresh(model: Path, tmp_path: Path) -> None:
    state = dict(tensor_files.read(model)["state"])
    *_, weight, bias = state
    state[weight], state[bias] = torch.ones(3, 8), torch.ones(3)
    torch.save(state, tmp_path / "three.pt")
    with pytest.raises(CannotTrain, match="wrong shape.*CONFIG_INIT_FROM_FRESH=y"):
        worker_entry.prepare(started(tmp_path / "three.pt", tmp_path))
    fresh = state_of(started(tmp_path / "three.pt", tmp_path, INIT_FROM_FRESH="y"))
    assert torch.equal(next(iter(fresh.values())), next(iter(state.values())))


def test_another_head_under_another_name_may_be_fresh(model: Path, tmp_path: Path) -> None:
    """As of a network that another program trained on other classes, or without a head."""
    source = list(dict(tensor_files.read(model)["state"]).values())
    body = {"fc1.weight": source[0], "fc1.bias": source[1]}
    head = {"top.weight": torch.ones(3, 8), "top.bias": torch.ones(3)}
    drawn = [*state_of(trial_tasks.task(SMALL, SETTINGS)).values()]
    for name, state in {"headed.pt": {**body, **head}, "bare.pt": body}.items():
        torch.save(state, tmp_path / name)
        with pytest.raises(CannotTrain, match="does not fit the model: .*missing"):
            worker_entry.prepare(started(tmp_path / name, tmp_path))
        fresh = [*state_of(started(tmp_path / name, tmp_path, INIT_FROM_FRESH="y")).values()]
        expected = [*source[:2], *drawn[2:]]
        assert all(torch.equal(a, b) for a, b in zip(fresh, expected, strict=True))


def test_a_body_that_does_not_fit_is_refused_with_a_fresh_head_too(tmp_path: Path) -> None:
    torch.save({"fc1.weight": torch.ones(8, 5), "fc1.bias": torch.ones(8)}, tmp_path / "odd.pt")
    with pytest.raises(CannotTrain, match="does not fit the model: .*unexpected: fc1.weight"):
        worker_entry.prepare(started(tmp_path / "odd.pt", tmp_path, INIT_FROM_FRESH="y"))


def test_identity_is_what_the_file_holds(model: Path, tmp_path: Path) -> None:
    def trial_ids(path: Path) -> list[str]:
        lines = {"PRUNING_METHOD": "none", "INIT_FROM": f'"{path}"', "RATES": "pretrained"}
        file = tmp_path / "range"
        file.write_text("".join(f"CONFIG_{n}={v}\n" for n, v in lines.items()), encoding="utf-8")
        return [trial.id for trial in planning.plan_from_files([file]).trials]

    copy, other = tmp_path / "copy.pt", tmp_path / "other.pt"
    copy.write_bytes(model.read_bytes())
    torch.save(tensor_files.read(model)["state"], other)
    assert trial_ids(copy) == trial_ids(model) != trial_ids(other)
    with pytest.raises(UserError, match="missing.pt: No such file"):
        trial_ids(tmp_path / "missing.pt")


def test_pretrained_rates_need_something_pretrained(tmp_path: Path) -> None:
    file = tmp_path / "range"
    file.write_text("CONFIG_PRUNING_METHOD=none\nCONFIG_RATES=pretrained\n", encoding="utf-8")
    with pytest.raises(UserError, match='RATES=pretrained: needs CONFIG_INIT_FROM != ""'):
        planning.plan_from_files([file])


def write_text(path: Path, record: dict[str, Any]) -> None:
    path.write_text(f"no tensors, but {len(record)} parts", encoding="utf-8")


def write_other(path: Path, record: dict[str, Any]) -> None:
    torch.save({"weight": torch.zeros(3)}, path)


def write_infinite(path: Path, record: dict[str, Any]) -> None:
    state = {name: tensor / 0 for name, tensor in record["state"].items()}
    torch.save({**record, "state": state}, path)


def write_altered(path: Path, record: dict[str, Any]) -> None:
    torch.save({**record, "preprocessing": {**record["preprocessing"], "mean": [9.0]}}, path)


def write_colour(path: Path, record: dict[str, Any]) -> None:
    changed = {**record["preprocessing"], "raw_shape": [3, 8, 8]}
    marked = {"preprocessing": changed, "fingerprint": preprocessing_fingerprint(changed)}
    torch.save({**record, **marked}, path)


@pytest.mark.parametrize(
    ("write", "rule"),
    [
        (write_text, "must be a file that torch.save wrote"),
        (write_other, "does not fit the model"),
        (write_infinite, "holds what is no finite number"),
        (write_altered, "was altered"),
        (write_colour, r"is for \(3, None\) channels"),
        (None, "No such file"),
    ],
)
def test_a_wrong_file_is_one_line(write: Any, rule: str, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.pt"
    if write is not None:
        write(path, tensor_files.read(model))
    result = worker_entry.train_trial(started(path, tmp_path))
    assert result.status in (Status.FAILED, Status.ERROR)
    assert str(path) in result.message and "\n" not in result.message
    with pytest.raises((UserError, CannotTrain), match=rule):
        worker_entry.prepare(started(path, tmp_path))


def test_another_file_at_the_same_place_is_noticed(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="SHA-256 is .*, the trial was planned with 1111"):
        worker_entry.prepare(started(model, tmp_path, INIT_FROM_SHA256="1111"))


def test_a_trial_without_its_file_says_which_it_needs(model: Path, tmp_path: Path) -> None:
    planned = started(model, tmp_path)
    values = {name: text for name, text in planned.trial.config.items() if name != "INIT_FROM"}
    task = replace(planned, trials=(replace(planned.trial, config=values),))
    with pytest.raises(UserError, match="CONFIG_INIT_FROM is empty: .* name their file"):
        worker_entry.prepare(task)
