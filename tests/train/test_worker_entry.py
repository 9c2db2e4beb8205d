"""What a worker calls: failures are data, the test set is opened once, seeds decide everything."""

import math
import subprocess
import sys
from importlib import metadata

import pytest
import torch
from trial_tasks import TEXT, numbers, small_task

from espalier.core.errors import UserError
from espalier.core.process.memory import SHARERS
from espalier.core.trial import Status, Task, Trial
from espalier.models import transformer_parts
from espalier.train import worker_entry
from espalier.train.data import splits
from espalier.train.engine import device
from espalier.train.loop import Loop


def test_a_trial_trains_and_is_measured():
    seen = []
    result = worker_entry.train_trial(small_task(), seen.append)
    assert result.status is Status.PASSED
    assert [r["epoch"] for r in seen] == [1, 2, 3]
    assert seen == result.history
    assert result.measures["final_sparsity"] == pytest.approx(0.7, abs=1e-4)
    assert result.measures["steps"] == 45
    assert result.measures["val_acc"] == result.history[-1]["val_acc"]
    assert 0 <= result.measures["test_acc"] <= 100
    hits = result.measures["train_acc"] / 100 * 120  # of the samples trained on, and no others
    assert hits == pytest.approx(round(hits)) and hits > 60
    live, total = result.measures["live_parameters"], result.measures["parameters"]
    assert live < total


def test_a_trial_that_stops_early_is_measured_as_in_its_best_epoch():
    stopping = {"EARLY_STOP_PATIENCE": "1", "LEARNING_RATE": "0.1", "OPTIMIZER": "adam"}
    result = worker_entry.train_trial(small_task(NUM_EPOCHS="9", **stopping))
    best = min(result.history, key=lambda record: record["val_loss"])
    assert result.status is Status.PASSED
    assert result.measures["epochs"] == len(result.history) == best["epoch"] + 1 < 9
    assert result.measures["kept_epoch"] == best["epoch"]
    assert result.measures["val_loss"] == best["val_loss"]
    assert result.measures["train_loss"] == best["train_loss"]


def test_the_seed_decides_everything_and_what_ran_before_nothing():
    first = worker_entry.train_trial(small_task())
    worker_entry.train_trial(small_task(SEED="2", OPTIMIZER="sgd"))
    torch.rand(17)
    assert numbers(worker_entry.train_trial(small_task())) == numbers(first)


def test_provenance_names_what_is_needed_to_run_it_again():
    origin = worker_entry.train_trial(small_task()).provenance
    assert origin.config["SEED"] == "1"
    assert origin.versions["torch"] == metadata.version("torch")
    assert set(origin.as_json()) >= {
        "config",
        "settings",
        "seeds",
        "data_fingerprint",
        "code",
        "device",
    }
    assert len(origin.data_fingerprint) >= 12
    assert set(origin.seeds) == {"init", "batches", "augment", "dropout", "method"}


def test_a_failed_result_says_where_it_comes_from_too():
    origin = worker_entry.train_trial(small_task(PRUNING_WARMUP="7800")).provenance
    assert origin.config["PRUNING_WARMUP"] == "7800"
    assert origin.versions["torch"]


def test_pruning_that_cannot_start_fails_before_training():
    result = worker_entry.train_trial(small_task(PRUNING_WARMUP="7800"))
    assert (result.status, result.history) == (Status.FAILED, [])
    assert "7800" in result.message
    assert "45" in result.message
    assert "CONFIG_PRUNING_WARMUP" in result.message


def test_divergence_is_a_failed_trial_with_its_history():
    result = worker_entry.train_trial(
        small_task(LEARNING_RATE="100", OPTIMIZER="sgd", SGD_MOMENTUM="0.99")
    )
    assert (result.status, result.reason) == (Status.FAILED, "diverged")
    assert "epoch" in result.message


def test_missing_data_is_an_error_in_one_line(tmp_path):
    result = worker_entry.train_trial(
        small_task(DATASET="mnist", settings={"DATA_DIR": str(tmp_path)})
    )
    assert (result.status, result.reason) == (Status.ERROR, "input")
    assert str(tmp_path) in result.message
    assert "\n" not in result.message


def test_a_symbol_that_nothing_reads_is_refused():
    task = small_task()
    trial = Trial(1, "config_001", "id", {**task.trial.config, "TYPO": "1"})
    with pytest.raises(RuntimeError, match="TYPO"):
        worker_entry.prepare(Task.single(trial, task.settings, None))


def test_the_test_set_is_opened_once_and_not_before_the_end():
    trainer, data = worker_entry.prepare(small_task())
    list(Loop([trainer]).epochs())
    data.test.open()  # nobody has looked yet
    with pytest.raises(RuntimeError, match="once"):
        data.test.open()


def test_threads_are_those_of_the_trial():
    threads = torch.get_num_threads()
    try:
        worker_entry.prepare(small_task(CPU_THREADS="2"))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_compiling_wraps_the_forward_pass(monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda module: compiled.append(module) or module)
    trainer, _ = worker_entry.prepare(small_task(COMPILE="y"))
    next(Loop([trainer]).epochs())
    assert compiled == [trainer.run.model]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_data_set_that_does_not_fit_gives_the_same_numbers(workers):
    changes = {"MODEL": "lenet5", "AUGMENT_CROP_PADDING": "1"}
    limited = {"DATA_MEMORY": "1", "DATA_WORKERS": workers}  # 696 images of 4 kB take 2.9 MB
    streamed = worker_entry.train_trial(small_task(settings=limited, **changes))
    held = worker_entry.train_trial(small_task(**changes))
    assert held.status is Status.PASSED
    assert numbers(streamed) == numbers(held)
    assert streamed.provenance.data_fingerprint == held.provenance.data_fingerprint


def test_mixed_precision_reaches_the_loop():
    assert worker_entry.prepare(small_task(AMP="bf16"))[0].recipe.amp == "bf16"
    with pytest.raises(UserError, match="CONFIG_AMP_FP16"):
        worker_entry.prepare(small_task(AMP="fp16"))


def test_a_gpu_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.choose_device("auto", "off").type == "cpu"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert device.choose_device("auto", "off").type == "cpu"  # no runner gave it
    monkeypatch.setenv(SHARERS, "1")
    with pytest.raises(UserError, match="GPU 0: its driver has it, but torch .* cannot use it"):
        device.choose_device("auto", "off")
    assert device.choose_device("cpu", "off").type == "cpu"
    with pytest.raises(UserError, match="CONFIG_DEVICE_CUDA"):
        device.choose_device("cuda", "off")


def test_preflight_tells_what_is_missing_before_anything_runs(tmp_path):
    assert worker_entry.preflight(small_task()).status is Status.PASSED
    result = worker_entry.preflight(
        small_task(DATASET="cifar10", settings={"DATA_DIR": str(tmp_path)})
    )
    assert (result.status, result.reason) == (Status.ERROR, "input")
    assert str(tmp_path) in result.message


def test_a_text_trains_and_its_floors_are_among_the_measures():
    result = worker_entry.train_trial(small_task(**TEXT))
    assert result.status is Status.PASSED, result.message
    measures = result.measures
    assert measures["steps"] == 45  # 120 windows in batches of 8, three epochs
    assert measures["val_bpc"] == pytest.approx(measures["val_loss"] / math.log(2))
    assert measures["test_bpc"] == pytest.approx(measures["test_loss"] / math.log(2))
    assert 0 < measures["floor_bigram"] < measures["floor_unigram"] < math.log(103)
    assert measures["floor_bigram"] < measures["val_loss"] < math.log(103)
    assert "floor_bigram" not in worker_entry.train_trial(small_task()).measures


def test_a_loss_that_cannot_be_is_a_leak():
    result = worker_entry.train_trial(small_task(TEXT_LEAK_LOSS="90", **TEXT))
    assert (result.status, result.reason) == (Status.FAILED, "leak")
    assert "below 90.0" in result.message
    assert result.history == []


def test_a_model_that_sees_the_future_is_not_trained(monkeypatch):
    class Averages(torch.nn.Module):
        def forward(self, x):
            return x + x.mean(1, keepdim=True)

    monkeypatch.setattr(transformer_parts, "Attention", lambda *sizes: Averages())
    result = worker_entry.train_trial(small_task(**TEXT))
    assert (result.status, result.reason) == (Status.FAILED, "not_causal")


def test_a_model_of_images_is_not_trained_on_text():
    text, mlp = small_task(**TEXT), small_task(MODEL="mlp", PRUNING_METHOD="none").trial.config
    own = {name: value for name, value in mlp.items() if name.startswith(("MODEL", "MLP_"))}
    trial = Trial(1, "config_001", "id", {**text.trial.config, **own})
    result = worker_entry.train_trial(Task.single(trial, text.settings, None))
    assert (result.status, result.reason) == (Status.FAILED, "data_kind")
    assert result.message == "CONFIG_MODEL=mlp: takes images, but CONFIG_DATASET=text holds a text"


SIZES = {"MLP_WIDTH": "8", "MLP_LAYERS": "1", "PRUNING_METHOD": "none"}  # 64*8+8 + 8*10+10 = 610


@pytest.mark.parametrize(
    ("limit", "share", "reason", "said"),
    [
        ("610", "0", "", ""),
        ("610", "1", "", ""),
        ("609", "0", "over_budget", "CONFIG_MAX_PARAMS=609: the model has more parameters: 610"),
        ("762", "0.8", "", ""),
        ("763", "0.8", "under_budget", "the model has fewer than 611 parameters: 610"),
    ],
)
def test_a_model_outside_the_budget_is_not_trained(limit, share, reason, said):
    result = worker_entry.train_trial(small_task(MAX_PARAMS=limit, MIN_PARAMS_SHARE=share, **SIZES))
    assert (result.status is Status.FAILED) == bool(reason)
    assert result.reason == reason
    assert said in result.message


def test_a_number_that_was_never_solved_is_not_trained():
    solved = small_task(MAX_PARAMS="700", **SIZES)
    trial = Trial(1, "config_001", "id", {**solved.trial.config, "MLP_WIDTH": "0"})
    result = worker_entry.train_trial(Task.single(trial, solved.settings, None))
    assert (result.status, result.reason) == (Status.FAILED, "unsolved")
    assert result.message.startswith("CONFIG_MLP_WIDTH=0: is the largest number that a budget")


def test_the_fingerprint_of_a_text_is_that_of_its_content(tmp_path):
    def fingerprint(content):
        (tmp_path / "a.txt").write_text(content, encoding="utf-8")
        splits.prepare_splits.cache_clear()
        chosen = {**TEXT, "TEXT_CORPUS": "file", "TEXT_FILE": "a.txt", "TRAIN_SUBSET": "0"}
        return worker_entry.prepare(small_task(settings={"DATA_DIR": str(tmp_path)}, **chosen))[
            1
        ].fingerprint

    first = fingerprint("abcd" * 200)
    assert first == fingerprint("abcd" * 200) != fingerprint("abcd" * 199 + "abdc")
    assert first != fingerprint("efgh" * 200)  # the same places in another vocabulary


def test_training_does_not_import_the_compiler():
    # It takes longer to import than torch itself, and every worker would.
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]; from trial_tasks import small_task as t; "
        "from espalier.train import worker_entry as w; "
        "r = list(w.train_pack([t(), t(SEED='2')])); w.warm(); "
        "assert len(r) == 2; print('torch._dynamo' in sys.modules)"
    )
    command = [sys.executable, "-c", code, *sys.path]
    assert subprocess.check_output(command, text=True).split() == ["False"]
