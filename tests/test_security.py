"""Files of a stranger: whatever they hold, opening them runs nothing.

Each carries a payload that makes a file, the canary, if it is run. See docs/security.md.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import trial_tasks
from small_files import write_batches

import espalier
from espalier.__main__ import main
from espalier.core.errors import UserError
from espalier.core.trees import own_trees
from espalier.core.trial import Status
from espalier.train import worker_entry
from espalier.train.checkpoints import snapshot_files, snapshot_manager, tensor_files

MODEL = {"TRAIN_SUBSET": "120", "NUM_EPOCHS": "1", "MODEL": "mlp", "PRUNING_METHOD": "none"}


class Payload:
    """Makes the canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self._canary = canary

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self._canary}'",)


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture
def theirs(tmp_path: Path, canary: Path) -> Path:
    """A folder with CIFAR-10, of which one batch is the payload."""
    folder = tmp_path / "theirs"
    write_batches(folder)
    batch = folder / "cifar-10-batches-py" / "data_batch_1"
    batch.write_bytes(pickle.dumps(Payload(canary)))
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the digits; not to be written to."""
    folder = tmp_path_factory.mktemp("saved")
    settings = {**trial_tasks.SETTINGS, "SAVE_MODEL": "y"}
    result = worker_entry.train_trial(trial_tasks.task(MODEL, settings, folder))
    assert result.status is Status.PASSED, result.message
    return folder / "model.pt"


def altered(model: Path, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    record = tensor_files.read(model)
    change(record)
    tensor_files.write(folder / "theirs.pt", record)
    return folder / "theirs.pt"


def asks_for(theirs: Path, grown: bool = False) -> Callable[[dict[str, Any]], None]:
    """Have a model ask for the files of `theirs`, to evaluate it or already to build it."""

    def change(record: dict[str, Any]) -> None:
        record["config"] |= {"DATASET": "cifar10", "DATA_VERIFY": "n"}
        record["settings"] |= {"DATA_DIR": str(theirs), "DATA_VERIFY": "n", "DOWNLOAD": "y"}
        if grown:
            record["state"] = {**record["state"], "more": torch.zeros(1)}

    return change


@pytest.mark.parametrize("options", [[], ["--data-dir"]], ids=["plain", "with their folder"])
def test_evaluate_reads_no_data_that_a_model_names(
    model: Path, theirs: Path, canary: Path, options: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    path = altered(model, canary.parent, asks_for(theirs))
    assert main(["evaluate", str(path), *options, *[str(theirs)] * len(options)]) == 2
    error = capfd.readouterr().err.splitlines()[-1]
    assert "cifar-10-batches-py" in error
    assert (str(theirs) in error) == bool(options)  # given, it is compared with its checksums
    assert not canary.exists()


@pytest.mark.parametrize("grown", [False, True])
def test_load_model_reads_no_data_that_a_model_names(
    model: Path, theirs: Path, canary: Path, grown: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = altered(model, canary.parent, asks_for(theirs, grown))
    if grown:
        with pytest.raises(UserError) as caught:
            espalier.load_model(path)
        assert str(theirs) not in str(caught.value)
        assert f"CONFIG_DATA_VERIFY='n', CONFIG_DATA_DIR='{theirs}': paths and" in caplog.text
    else:
        espalier.load_model(path)  # it needs no data
    assert not canary.exists()


def snapshot(folder: Path, theirs: Path) -> Path:
    """Return a snapshot that says it was made with the files of `theirs`."""
    trial_tasks.killed_after(2, trial_tasks.snapshot_task(folder))
    path = folder / snapshot_manager.FOLDER / "epoch_00001.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["made"]["settings"] |= {"DATA_DIR": str(theirs), "DOWNLOAD": "y"}
    config = trial_tasks.effective({**trial_tasks.SMALL, "DATASET": "cifar10", "DATA_VERIFY": "n"})
    manifest["made"]["config"] = config
    snapshot_files.write_manifest(path, manifest)
    return path


def test_resume_reads_no_data_that_a_snapshot_names(
    theirs: Path, tmp_path: Path, canary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = snapshot(tmp_path / "trial", theirs)
    command = ["resume", str(path), "--in-process", "--output-dir"]
    assert main([*command, str(tmp_path / "one")]) == 2
    out, error = capfd.readouterr()
    assert f"CONFIG_DATA_DIR='{theirs}', CONFIG_DOWNLOAD='y', CONFIG_DATA_VERIFY='n'" in out
    assert "cifar-10-batches-py" in error and str(theirs) not in error
    given = [f"DATA_DIR={theirs}", "DATA_VERIFY=n"]
    assert main([*command, str(tmp_path / "two"), *given]) == 2
    out, error = capfd.readouterr()
    assert "data_batch_1: not in the CIFAR10 format" in error and "could run code" in error
    assert not canary.exists()


def test_a_range_file_may_name_any_data_and_none_of_it_is_run(
    theirs: Path, tmp_path: Path, canary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, plan, results = tmp_path / "range", tmp_path / "plan", tmp_path / "results"
    lines = ["CONFIG_DATASET=cifar10", "CONFIG_DATA_VERIFY=n", f'CONFIG_DATA_DIR="{theirs}"']
    path.write_text("\n".join(lines), encoding="utf-8")
    assert main(["sweep-generate", str(path), "--output-dir", str(plan)]) == 0
    run = ["sweep-run", "--config-dir", str(plan), "--output-dir", str(results), "--in-process"]
    for _ in range(2):  # from the plan, then from the store, too
        assert main(run) == 2
        assert "data_batch_1: not in the CIFAR10 format" in capfd.readouterr().err
    assert not canary.exists()


PICKLED = {
    "pickle": lambda content: pickle.dumps(content),
    "torch's old format": lambda content: saved(content, False),
    "torch's format": lambda content: saved(content, True),
}


def saved(content: Any, new: bool) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=new)
    return file.getvalue()


@pytest.mark.parametrize("form", PICKLED)
@pytest.mark.parametrize("verb", ["evaluate", "remap", "resume"])
def test_a_payload_in_place_of_tensors_is_one_line(
    verb: str, form: str, tmp_path: Path, canary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "epoch_00001.pt"
    path.write_bytes(PICKLED[form]({"state": Payload(canary), "position": Payload(canary)}))
    manifest = {"format": snapshot_files.FORMAT, "epoch": 1, "reason": "", "made": {}}
    digest = snapshot_files.digest(path.read_bytes())
    snapshot_files.write_manifest(path.with_suffix(".json"), {**manifest, "sha256": digest})
    assert main([verb, str(path), *["--dry-run"] * (verb == "remap")]) == 2
    error = capfd.readouterr().err
    assert error.startswith(f"error: {path}: ") and error.count("\n") == 1
    assert not canary.exists()


def test_a_file_whose_pickle_is_cut_off_is_one_line(tmp_path: Path) -> None:
    path, pickled = tmp_path / "cut.pt", saved({"a": torch.zeros(2)}, True)
    with zipfile.ZipFile(io.BytesIO(pickled)) as whole, zipfile.ZipFile(path, "w") as cut:
        for name in whole.namelist():
            is_pickle = name.endswith("data.pkl")
            cut.writestr(name, b"\x80\x02}X\x01" if is_pickle else whole.read(name))
    with pytest.raises(UserError, match=r"cut\.pt: must be a file that torch\.save wrote"):
        tensor_files.read(path)


WRONG = {
    "a list for the configuration": {"config": [1]},
    "numbers in the configuration": {"config": {"SEED": 1}},
    "no configuration": {"config": {}},
    "a model of no name": {"config": {"MODEL": "../../mlp"}},
    "a size of no sense": {"shape": {"channels": -1, "height": 8, "width": 8, "classes": 10}},
    "unknown fields of a shape": {"shape": {"__class__": 1}},
    "no tensors": {"state": {"a": 1}},
    "names that are no texts": {"state": {1: torch.zeros(1)}},
    "a state of another method": {"state": {"a": torch.zeros(1)}, "method": {"edges": []}},
    "no probe": {"probe": {}},
    "a probe of texts": {"probe": {"x": "a", "logits": "b"}},
    "a probe of another shape": {"probe": {"x": torch.zeros(3), "logits": torch.zeros(3)}},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_model_of_any_other_content_is_one_line(
    model: Path, tmp_path: Path, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = altered(model, tmp_path, lambda record: record.update(WRONG[what]))
    assert main(["evaluate", str(path)]) == 2
    error = capfd.readouterr().err
    assert f"{path}: " in error and error.count("error: ") == 1 and "Traceback" not in error


class TestPrograms:
    """A range file, a plan or a store of a stranger starts no program before it is allowed."""

    @pytest.fixture(autouse=True)
    def _place(
        self, tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[None]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        for name in ("SCRIPT", "ALLOW", "SET", "NEW"):
            monkeypatch.delenv(name, raising=False)
        folder = tmp_path / "stranger"
        folder.mkdir()
        script = f"touch '{canary}'; echo val_acc=0.5\n"
        (folder / "train.sh").write_text(script, encoding="utf-8")
        text = (
            'CONFIG_TRAINER=script\nCONFIG_SCRIPT="sh train.sh {WIDTH}"\n'
            'CONFIG_SCRIPT_KNOBS="width=1"\nCONFIG_WIDTH=1|2\n'
            'CONFIG_SCRIPT_PATTERN="val_acc=(?P<val_acc>[0-9.]+)"\n'
        )
        (folder / "ranges").write_text(text, encoding="utf-8")
        yield
        own_trees.use_knobs(None)

    def refused(self, capsys: pytest.CaptureFixture[str], canary: Path, *words: str) -> str:
        capsys.readouterr()
        assert main([*words]) == 2
        assert not canary.exists()
        *_, line = capsys.readouterr().err.splitlines()
        return line

    @pytest.mark.parametrize("verb", ["sweep", "sweep-estimate", "race"])
    def test_a_range_file_starts_none(
        self, capsys: pytest.CaptureFixture[str], canary: Path, verb: str
    ) -> None:
        line = self.refused(capsys, canary, verb, "stranger/ranges")
        assert line.startswith("error: CONFIG_SCRIPT=sh train.sh {WIDTH} (")
        assert "must be allowed once" in line

    def test_nor_does_a_plan_or_a_store(
        self, capsys: pytest.CaptureFixture[str], canary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line = self.refused(capsys, canary, "sweep", "stranger/ranges")
        word = line.rpartition("ALLOW=")[2]
        assert self.refused(capsys, canary, "sweep-run") == line
        assert main(["sweep-run", "--allow", word, "--parallel", "1"]) == 0
        assert canary.exists()
        canary.unlink()
        (sweep,) = Path("test_matrix_results").glob("sweep_*")
        monkeypatch.setenv("XDG_CONFIG_HOME", "others")  # another user gets the folder
        again = ("sweep-again", "--dir", str(sweep), "--trials", "config_001")
        assert self.refused(capsys, canary, *again) == line
        assert self.refused(capsys, canary, "sweep-run", "--dir", str(sweep)) == line

    def test_a_changed_script_is_another(
        self, capsys: pytest.CaptureFixture[str], canary: Path
    ) -> None:
        word = self.refused(capsys, canary, "sweep", "stranger/ranges").rpartition("ALLOW=")[2]
        with Path("stranger/train.sh").open("a", encoding="utf-8") as file:
            file.write("# more\n")
        line = self.refused(capsys, canary, "sweep-run", "--allow", word)
        assert "changed since the plan was made" in line
        line = self.refused(capsys, canary, "sweep", "stranger/ranges", "--allow", word)
        assert line.startswith(f"error: ALLOW={word}: is not the hash of CONFIG_SCRIPT=")

    def test_a_command_on_the_command_line_is_its_users(self, canary: Path) -> None:
        script = "sh stranger/train.sh {WIDTH}"
        assert main(["sweep", "stranger/ranges", "--script", script, "--parallel", "1"]) == 0
        assert canary.exists()
