"""What would be refused at the start of a run is refused, once, when it is planned."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import guide
import own_data
import pytest

from espalier.core import component
from espalier.core.contracts import Dataset
from espalier.core.errors import UserError
from espalier.core.paths import ROOT
from espalier.core.samples import RawData
from espalier.core.trial_config import Config
from espalier.datasets.files import corpora
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning, sensible_runs
from espalier.plan.plan import Plan
from espalier.train.data.splits import DataPlan, divide_samples
from espalier.train.data.text_windows import WindowPlan, cut_windows

MAGNITUDE = "CONFIG_OPTIMIZER=adamw\nCONFIG_PRUNING_METHOD=magnitude\n"
DIGITS_STEPS = 39
"""Steps of an epoch of the digits: 1442 - 216 of them in batches of 32."""


@pytest.fixture(scope="module")
def symbols() -> Symbols:
    return Symbols(tree.parse())


def planned(folder: Path, text: str, symbols: Symbols) -> Plan:
    (folder / "ranges").write_text(text, encoding="utf-8")
    return planning.plan_from_files([folder / "ranges"], symbols=symbols)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            MAGNITUDE + "CONFIG_NUM_EPOCHS=2\nCONFIG_PRUNING_WARMUP=1000",
            r"pruning starts at step 1000 .* run has 78 steps: lower CONFIG_PRUNING_WARMUP or",
        ),
        (
            MAGNITUDE + "CONFIG_NUM_EPOCHS=5\nCONFIG_PRUNING_RAMP_END_EPOCH=10",
            "ramp ends with epoch 10 but the run has 5, so that its target 0.7 is not reached",
        ),
        (
            MAGNITUDE + "CONFIG_PRUNING_RAMP_END_EPOCH=2",
            "ramp ends at step 78 .epoch 2. but starts at step 100",
        ),
        (
            "CONFIG_MODEL=dendritic_simple\nCONFIG_PRUNING_METHOD=resampling\n"
            "CONFIG_RESAMPLING_STEPS=586",
            r"no resampling would come before step 780, .* first 0.75 of it: lower",
        ),
        ("CONFIG_PRUNING_METHOD=rigl\nCONFIG_SPARSE_EVERY=585", "ends at 585 of 780 steps"),
        ("CONFIG_PRUNING_METHOD=nm\nCONFIG_NM_N=4", "CONFIG_NM_N=4 of CONFIG_NM_M=4 inputs leaves"),
        ("CONFIG_PRUNING_METHOD=apoptosis_standard\nCONFIG_APOPTOSIS_INTERVAL=780", "780, the"),
        ("CONFIG_PRUNING_METHOD=apoptosis_standard\nCONFIG_APOPTOSIS_RATE=0", "a rate of 0,"),
        (
            "CONFIG_PRUNING_METHOD=apoptosis_growth\nCONFIG_APOPTOSIS_GROWTH_INTERVAL=900",
            "lower the interval .900.",
        ),
        ("CONFIG_MODEL=blocks\nCONFIG_PRUNING_METHOD=grow\nCONFIG_GROWTH_EVENTS=469", "469 events"),
        (
            "CONFIG_MODEL=blocks\nCONFIG_PRUNING_METHOD=grow\nCONFIG_GROWTH_TRIGGER_PLATEAU=y\n"
            "CONFIG_GROWTH_PATIENCE=12",
            "can first be stuck after step 507, but growth ends at 468",
        ),
        (
            "CONFIG_OPTIMIZER=adamw\nCONFIG_PRUNING_METHOD=droplinear\nCONFIG_DROPLINEAR_STEPS=703",
            "no drop comes within",
        ),
        ("CONFIG_PRUNING_METHOD=multiscale\nCONFIG_MULTISCALE_FACTORS=4,3,1", "a divisor of the"),
        ("CONFIG_PRUNING_METHOD=multiscale\nCONFIG_NUM_EPOCHS=1", "an epoch or more"),
        ("CONFIG_LR_SCHEDULE=step\nCONFIG_STEP_EVERY_EPOCHS=20", "must be less than CONFIG_NUM_E"),
        (
            "CONFIG_LR_SCHEDULE=warmup_cosine\nCONFIG_WARMUP_COSINE_WARMUP_EPOCHS=20",
            "WARMUP_EPOCHS=20: must be less",
        ),
        ("CONFIG_SHIFT=permuted\nCONFIG_SHIFT_EPOCHS=3", "a whole number of tasks"),
        ("CONFIG_BATCH_SIZE=1227", "must be at most the 1226 training samples"),
        ("CONFIG_TRAIN_SUBSET=9", "in 10..1226"),
        ("CONFIG_VALIDATION_FRACTION=0.0001", "1442 training and 0 validation samples"),
    ],
)
def test_a_run_that_would_be_refused_is_refused_once_for_all_trials(
    tmp_path: Path, symbols: Symbols, text: str, message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        planned(tmp_path, f"{text}\nCONFIG_SEED=1|2|3\n", symbols)
    assert str(caught.value).startswith(
        f"{tmp_path}/ranges: each of 3 trials would be refused at its start: "
    )
    assert str(caught.value).endswith("; CONFIG_DATASET is not set, and digits is the default")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        MAGNITUDE + "CONFIG_NUM_EPOCHS=4\nCONFIG_PRUNING_RAMP_END_EPOCH=4",
        MAGNITUDE + "CONFIG_PRUNING_WARMUP=584\nCONFIG_PRUNING_FREQUENCY=1000",
        "CONFIG_PRUNING_METHOD=rigl\nCONFIG_SPARSE_EVERY=584",
        "CONFIG_PRUNING_METHOD=apoptosis_standard\nCONFIG_APOPTOSIS_INTERVAL=779",
        "CONFIG_MODEL=blocks\nCONFIG_PRUNING_METHOD=grow\nCONFIG_GROWTH_EVENTS=468",
        "CONFIG_OPTIMIZER=adamw\nCONFIG_PRUNING_METHOD=droplinear\nCONFIG_DROPLINEAR_STEPS=702",
        "CONFIG_LR_SCHEDULE=step\nCONFIG_STEP_EVERY_EPOCHS=19",
        "CONFIG_BATCH_SIZE=1226\nCONFIG_PRUNING_METHOD=none",
        "CONFIG_DATASET=mnist\nCONFIG_DATA_VERIFY=n\nCONFIG_PRUNING_METHOD=none\n"
        "CONFIG_BATCH_SIZE=60000",  # files of one's own: nobody knows how many
    ],
)
def test_what_just_makes_sense_is_planned(tmp_path: Path, symbols: Symbols, text: str) -> None:
    assert len(planned(tmp_path, text, symbols).trials) == 1


def test_some_that_would_be_refused_are_left_out_with_one_reason(
    tmp_path: Path, symbols: Symbols
) -> None:
    plan = planned(
        tmp_path,
        MAGNITUDE + "CONFIG_NUM_EPOCHS=1|2|20\nCONFIG_PRUNING_WARMUP=100\nCONFIG_SEED=1|2\n",
        symbols,
    )
    assert {trial.config["NUM_EPOCHS"] for trial in plan.trials} == {"20"}
    assert plan.counts == {
        "trials": 2, "combinations": 6, "invalid": 4, "inactive": 0, "same": 0
    }  # fmt: skip
    (dropped,) = plan.dropped
    assert dropped["count"] == 4
    assert dropped["reason"].startswith("pruning starts at step 100 (first weights at 150) but the")
    assert dropped["reason"].endswith("(and the like, with 1 other numbers)")


def test_the_first_step_of_the_guide_says_that_its_data_are_a_default(
    tmp_path: Path, symbols: Symbols
) -> None:
    with pytest.raises(UserError, match=r"each of 36 trials .*; CONFIG_DATASET is not set, and"):
        planned(tmp_path, guide.STEP_1, symbols)


def test_no_array_loses_a_row(tmp_path: Path, symbols: Symbols) -> None:
    axes = "CONFIG_NUM_EPOCHS=1|20\nCONFIG_SPARSE_EVERY=20|100\nCONFIG_LEARNING_RATE=0.1|0.2\n"
    with pytest.raises(UserError, match="L4: 1 of 4 trials would be refused .* SAMPLER=grid"):
        planned(tmp_path, f"CONFIG_SAMPLER=orthogonal\nCONFIG_PRUNING_METHOD=set\n{axes}", symbols)


def test_nothing_is_drawn_that_would_be_refused(tmp_path: Path, symbols: Symbols) -> None:
    text = "CONFIG_SAMPLER=random\nCONFIG_SAMPLER_TRIALS=2\nCONFIG_PRUNING_METHOD=set\n"
    plan = planned(tmp_path, text + "CONFIG_NUM_EPOCHS=1|2|20|30\n", symbols)
    assert [trial.config["NUM_EPOCHS"] for trial in plan.trials] == ["20", "30"]


def test_rows_that_would_be_refused_are_left_out(symbols: Symbols) -> None:
    base = {"MODEL": "dendritic_simple", "PRUNING_METHOD": "resampling"}
    rows = [{"RESAMPLING_STEPS": "100000"}, {"RESAMPLING_STEPS": "50"}]
    plan = planning.plan_from_rows(base, rows, symbols)
    assert [trial.config["RESAMPLING_STEPS"] for trial in plan.trials] == ["50"]
    assert plan.dropped[0]["count"] == 1
    with pytest.raises(UserError, match="the trial would be refused at its start: no resampling"):
        planning.plan_from_rows(base, rows[:1], symbols)


@pytest.mark.parametrize("subset", [0, 100])
def test_digits_are_counted_as_they_are_divided(subset: int, symbols: Symbols) -> None:
    config = {"DATASET": "digits", "TRAIN_SUBSET": str(subset)}
    config |= {"VALIDATION_FRACTION": "0.15", "BATCH_SIZE": "1"}
    raw = component.select("dataset", Config(config), Dataset).load(Path(), download=False)
    assert isinstance(raw, RawData)
    train, *_ = divide_samples(raw, DataPlan(subset, 0.15, 0, normalize=True))
    assert sensible_runs.SensibleRuns(Path()).steps_per_epoch(config) == len(train)


@pytest.mark.parametrize("corpus", ["prose", "code", "file"])
@pytest.mark.parametrize("length", ["0", "9000"])
def test_texts_are_counted_as_they_are_cut(corpus: str, length: str, tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("\u00fc\r\nrose " * 2000, encoding="utf-8", newline="")
    values = {
        "DATASET": "text", "TEXT_CORPUS": corpus, "TEXT_FILE": "poem.txt", "TEXT_LENGTH": length,
        "TEXT_VOCABULARY": "own", "TEXT_CONTEXT": "64", "TEXT_STRIDE": "10",
        "TEXT_LEAK_LOSS": "0", "TRAIN_SUBSET": "0", "VALIDATION_FRACTION": "0.1",
        "BATCH_SIZE": "1",
    }  # fmt: skip
    raw = component.select("dataset", Config(values), Dataset).load(tmp_path, download=False)
    train, *_ = cut_windows(raw, WindowPlan(0, 0.1))  # type: ignore[arg-type]
    assert sensible_runs.SensibleRuns(tmp_path).steps_per_epoch(values) == len(train)
    assert len(train) < len(corpora.read_corpus(corpus, "poem.txt", tmp_path))


def test_a_text_that_is_not_there_is_no_matter_of_the_plan(
    tmp_path: Path, symbols: Symbols
) -> None:
    text = "CONFIG_MODEL=charlm\nCONFIG_DATASET=text\nCONFIG_TEXT_CORPUS_FILE=y\n"
    text += f'CONFIG_TEXT_FILE="{tmp_path}/none.txt"\nCONFIG_BATCH_SIZE=4096\n'
    assert planned(tmp_path, text, symbols).trials
    with pytest.raises(UserError, match="must be less than CONFIG_NUM_EPOCHS=2"):
        planned(
            tmp_path,
            f"{text}CONFIG_NUM_EPOCHS=2\nCONFIG_LR_SCHEDULE=step\nCONFIG_STEP_EVERY_EPOCHS=9\n",
            symbols,
        )


def test_counting_data_of_ones_own_imports_no_torch(tmp_path: Path) -> None:
    own_data.write_npz(tmp_path / "own.npz")
    own_data.write_folders(tmp_path / "own")
    program = (
        "import sys; from pathlib import Path; from espalier.datasets import sample_counts as s;"
        f"at = Path({str(tmp_path)!r}); values = {{'NPZ_FILE': 'own.npz', 'FOLDER_PATH': 'own'}};"
        "assert s.count('npz', values, at) == s.count('folder', values, at);"
        "assert s.count('npz', values, at).train == 160;"
        "assert 'torch' not in sys.modules and 'PIL' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_planning_imports_no_torch() -> None:
    program = (
        "import sys; from pathlib import Path; from espalier.plan import planning;"
        "planning.plan_from_files([Path('defconfigs/charlm-quick-range')]);"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-P", "-c", program], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # 780 steps: the last event at 700, of an interval of 100, or handed over until 750
        ("apoptosis_standard\nCONFIG_APOPTOSIS_INTERVAL=100", "80 of 100 steps.*APOPTOSIS_STOP"),
        ("apoptosis_functional\nCONFIG_APOPTOSIS_INTERVAL=70", "-40 of 70 steps.*APOPTOSIS_STOP"),
        ("apoptosis_turnover\nCONFIG_APOPTOSIS_TURNOVER_INTERVAL=100", "80 of 100 steps"),
        ("apoptosis_hybrid\nCONFIG_APOPTOSIS_HYBRID_INTERVAL=300", "180 of 300 steps"),
        (
            "apoptosis_standard\nCONFIG_APOPTOSIS_INTERVAL=50\nCONFIG_SHIFT=permuted\n"
            "CONFIG_SHIFT_EPOCHS=4",
            "6 of 50 steps",  # tasks of 156 steps, the first with its last event at 150
        ),
        ("rigl\nCONFIG_SPARSE_EVERY=100\nCONFIG_SPARSE_STOP=1", "80 of 100 steps.*SPARSE_STOP"),
        ("apoptosis_standard\nCONFIG_APOPTOSIS_INTERVAL=100\nCONFIG_APOPTOSIS_STOP=0.87", ""),
        ("rigl\nCONFIG_SPARSE_EVERY=100", ""),
    ],
    ids=[
        "event",
        "hand-over",
        "turnover",
        "hybrid",
        "task",
        "edges",
        "apoptosis fair",
        "edges fair",
    ],
)
def test_a_plan_says_what_is_measured_within_an_interval_of_an_event(tmp_path, symbols, text, said):
    plan = planned(tmp_path, f"CONFIG_PRUNING_METHOD={text}\n", symbols)
    notes = [note for note in plan.notes if "recovery" in note]
    assert len(notes) == bool(said)
    assert not said or re.search(f"1 trial is measured less than an interval.*{said}", notes[0])
