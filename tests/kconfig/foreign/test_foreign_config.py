"""Presets of mcgrof/AdamWPrune mean here what they mean there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from foreign_presets import LENET5, MATRIX, TWO_MODELS, planned, without

from espalier.core.errors import UserError
from espalier.kconfig import range_file, tree
from espalier.kconfig.foreign import foreign_config, foreign_table
from espalier.kconfig.symbols import Symbols


@pytest.fixture(scope="module")
def symbols() -> Symbols:
    return Symbols(tree.parse())


def single(folder: Path, symbols: Symbols, text: str) -> dict[str, str]:
    (trial,) = planned(folder, symbols, text).trials
    return dict(trial.config)


def parts(symbols: Symbols, text: str) -> list[dict[str, tuple[str, ...]]]:
    """What each part of a preset sets."""
    translation = foreign_config.translate(symbols, range_file.parse(text, "preset"))
    return [{setting.symbol: setting.values for setting in part} for part in translation.parts]


def test_one_trial_has_what_the_preset_says_and_that_programs_defaults(tmp_path, symbols):
    plan = planned(tmp_path, symbols, LENET5)
    (trial,) = plan.trials
    expected = {
        "MODEL": "lenet5",
        "DATASET": "mnist",
        "OPTIMIZER": "adamwprune",
        "PRUNING_METHOD": "state",
        "TARGET_SPARSITY": "0.8",
        "BATCH_SIZE": "256",
        "NUM_EPOCHS": "12",
        "LEARNING_RATE": "0.002",
        "ADAMWPRUNE_WEIGHT_DECAY": "0.02",
        "ADAMWPRUNE_AMSGRAD": "n",
        "AMP": "bf16",
        "COMPILE": "y",
        "PRUNING_WARMUP": "100",
        "PRUNING_FREQUENCY": "50",
        "PRUNING_RAMP_END_EPOCH": "8",
        "LR_SCHEDULE": "none",
    }
    assert {name: trial.config[name] for name in expected} == expected
    assert plan.settings["DATA_WORKERS"] == "3"
    assert plan.notes[1:4] == [
        "read and ignored: PIN_MEMORY, GPU_WARMUP, VERBOSE",
        "not in the file, defaults of that program: PRUNING_WARMUP=100, PRUNING_FREQUENCY=50, "
        "PRUNING_RAMP_END_EPOCH=8, LR_SCHEDULE=none",
        "without effect in any trial: SPAM_THETA",
    ]


def test_a_matrix_trains_what_that_program_would_at_its_rates(tmp_path, symbols):
    plan = planned(tmp_path, symbols, MATRIX)
    configs = [trial.config for trial in plan.trials]
    assert Counter(
        (c["OPTIMIZER"], c["PRUNING_METHOD"], c.get("TARGET_SPARSITY")) for c in configs
    ) == Counter(
        [(o, "none", None) for o in ("sgd", "adamwadv", "adamwprune")]
        + [(o, "movement", s) for o in ("sgd", "adamwadv") for s in ("0.5", "0.95")]
        + [("adamwprune", "state", s) for s in ("0.5", "0.95")]
    )
    rates = {(c["OPTIMIZER"], c["LEARNING_RATE"]) for c in configs}
    assert rates == {("sgd", "0.2"), ("adamwadv", "0.0002"), ("adamwprune", "0.0002")}
    shared = {(c["DATASET"], c["NUM_EPOCHS"], c["BATCH_SIZE"], c["LR_SCHEDULE"]) for c in configs}
    assert shared == {("cifar10", "100", "128", "cosine")}


def test_each_model_has_the_data_set_and_the_rate_that_are_its_own(tmp_path, symbols):
    configs = [trial.config for trial in planned(tmp_path, symbols, TWO_MODELS).trials]
    assert {(c["MODEL"], c["DATASET"], c["LEARNING_RATE"], c["NUM_EPOCHS"]) for c in configs} == {
        ("lenet5", "mnist", "0.001", "20"),
        ("resnet18", "cifar10", "0.0001", "20"),
    }


@pytest.mark.parametrize(
    ("lines", "name", "values"),
    [
        ("CONFIG_SPAM_INTERVAL=0", "SPAM_PERIODIC_RESET", ("n",)),
        ("CONFIG_SPAM_INTERVAL=700", "SPAM_INTERVAL", ("700",)),
        ("CONFIG_SPAM_INTERVAL=700\nCONFIG_SPAM_WARMUP_STEPS=0", "SPAM_WARMUP", ("n",)),
        ("CONFIG_SPAM_BETA1=0.8", "ADAMWSPAM_BETA1", ("0.8",)),
        ("CONFIG_ADV_WEIGHT_DECAY=0.03", "ADAMWSPAM_WEIGHT_DECAY", ("0.03",)),
        ("CONFIG_GRADIENT_CLIP_NORM=0.5", "ADV_CLIP_NORM", ("0.5",)),
        ("CONFIG_ADV_COSINE_ETA_MIN=1e-5", "COSINE_MIN_FACTOR", ("0.01",)),
        ("CONFIG_ADV_USE_COSINE_ANNEALING=n", "LR_SCHEDULE", ("none",)),
        ("CONFIG_ADAMWSPAM_LEARNING_RATE=0.01", "LEARNING_RATE", ("0.01",)),
        ("CONFIG_LEARNING_RATE=0.01|0.1", "LEARNING_RATE", ("0.01", "0.1")),
        ("CONFIG_TARGET_EFFECTIVE_BATCH=96\nCONFIG_HYPER_PARAM_AUTO=y", "BATCH_SIZE", ("96",)),
        ("CONFIG_DEVICE=cuda", "DEVICE", ("auto",)),
        ("CONFIG_DEVICE=cpu\nCONFIG_MIXED_PRECISION=y", "AMP", ("off",)),
        ("CONFIG_NUM_EPOCHS=5\nCONFIG_PRUNING_MAGNITUDE=y", "PRUNING_RAMP_END_EPOCH", ("3",)),
        ("CONFIG_PRUNING_MOVEMENT=y\nCONFIG_SPARSITY_50=y", "TARGET_SPARSITY", ("0.5",)),
        ("CONFIG_PRUNING_MODE_SINGLE=y", "TARGET_SPARSITY", ("0.9",)),
        ('CONFIG_TEST_PRUNING_METHODS="none,movement"', "PRUNING_METHOD", ("none", "movement")),
        ('CONFIG_TEST_PRUNING_METHODS="none movement"', "PRUNING_METHOD", ("none", "movement")),
    ],
)
def test_what_becomes_of_a_symbol(symbols, lines, name, values):
    text = f"CONFIG_MODEL_LENET5=y\nCONFIG_OPTIMIZER_ADAMWSPAM=y\n{lines}\n"
    (part,) = parts(symbols, text)
    assert part[name] == values


@pytest.mark.parametrize(
    ("lines", "name", "values"),
    [
        ("CONFIG_LENET5_ADAMWPRUNE_VARIANT_BITTER7=y", "STATE_IMPORTANCE", ("bitter7",)),
        ('CONFIG_TEST_ADAMWPRUNE_VARIANTS="bitter1"', "STATE_IMPORTANCE", ("bitter1",)),
        ("CONFIG_ADAMWPRUNE_BASE_ADAMWADV=y", "ADAMWPRUNE_BASE", ("adamwadv",)),
        ("CONFIG_ADAMWPRUNE_BASE_OPTIMIZER=adamwspam", "LR_SCHEDULE", ("cosine",)),
        ("CONFIG_ADAMWPRUNE_TARGET_SPARSITY=0.6", "TARGET_SPARSITY", ("0.6",)),
        ("CONFIG_ADAMWPRUNE_WARMUP_STEPS=30", "PRUNING_WARMUP", ("30",)),
        ("CONFIG_ADAMWPRUNE_FREQUENCY=25", "PRUNING_FREQUENCY", ("25",)),
        ("CONFIG_ADAMWPRUNE_RAMP_END_EPOCH=6", "PRUNING_RAMP_END_EPOCH", ("6",)),
        ("CONFIG_ADAMWPRUNE_ENABLE_PRUNING=n", "PRUNING_METHOD", ("none",)),
    ],
)  # fmt: skip
def test_what_becomes_of_adamwprunes_own_pruning(symbols, lines, name, values):
    text = (
        f"CONFIG_MODEL_LENET5=y\nCONFIG_OPTIMIZER_ADAMWPRUNE=y\nCONFIG_PRUNING_STATE=y\n{lines}\n"
    )
    (part,) = parts(symbols, text)
    assert part[name] == values


def test_tests_named_one_by_one_are_the_trials(tmp_path, symbols):
    text = (
        "CONFIG_MODEL_RESNET50=y\nCONFIG_RESNET50_EPOCHS=3\nCONFIG_TEST_SPARSITY_70=y\n"
        "CONFIG_TEST_ADAM_BASELINE=y\nCONFIG_TEST_ADAM_MOVEMENT=y\nCONFIG_TEST_ADAMWPRUNE_STATE=y\n"
    )
    configs = [trial.config for trial in planned(tmp_path, symbols, text).trials]
    assert [(c["OPTIMIZER"], c["PRUNING_METHOD"]) for c in configs] == [
        ("adam", "none"),
        ("adam", "movement"),
        ("adamwprune", "state"),
    ]


@pytest.mark.parametrize(
    ("lines", "lacking"),
    [
        (
            "CONFIG_MODEL_SELECT_GPT2=y",
            "GPT-2 (the text models here, charlm and gpt, read characters): line 2, ",
        ),
        ('CONFIG_TEST_MODELS="lenet5,gpt2"', "GPT-2"),
        ("CONFIG_LENET5_MAX_TIME=240", "training that ends after a time"),
        ("CONFIG_LENET5_ENABLE_TOKENIZER=y", "image tokenizers"),
        ("CONFIG_LENET5_ADAPTATION_LORA=y", "adapters"),
        ("CONFIG_RESNET50_PRETRAINED=y", "pretrained weights"),
        ("CONFIG_MAGNITUDE_PRUNING_STRUCTURED=y", "magnitude pruning of whole channels"),
        ('CONFIG_STATE_PRUNING_STRATEGY="variance"', "state pruning by momentum or variance alone"),
        ('CONFIG_LENET5_DATASET="imagenet"', "there is no such data set here; lenet5 has mnist"),
        ("CONFIG_LENET5_NUM_CLASSES=100", "mnist has 10 classes"),
        ('CONFIG_LEARNING_RATE="fast"', "must be a finite decimal number"),
        ("CONFIG_PRUNING_SELECT_RIGL=y", "it has CONFIG_PRUNING_SELECT_RIGL, which is ours alone"),
        ("CONFIG_MODEL=resnet18", "CONFIG_MODEL says resnet18 and CONFIG_MODEL_* lenet5; keep one"),
        ("CONFIG_VERBOZE=y", "CONFIG_VERBOZE: no such symbol"),
        ("CONFIG_OPTIMIZER_ENABLE_SGD=y|n", "says which trials there are: must be y or n"),
        ('CONFIG_TEST_PRUNING_METHODS="none,rigl"', "it names rigl, which is no part of it"),
        ('CONFIG_TEST_OPTIMIZERS="sgd,lion"', "it names lion, which is no part of it"),
    ],
)
def test_what_is_lacking_is_said_in_one_line(tmp_path, symbols, lines, lacking):
    text = f"CONFIG_MODEL_LENET5=y\n{lines}\nCONFIG_OPTIMIZER_MODE_MULTIPLE=y\n"
    with pytest.raises(UserError) as raised:
        planned(tmp_path, symbols, text)
    assert lacking in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_value_with_which_nothing_is_lacking_is_ignored(tmp_path, symbols):
    text = (
        "CONFIG_MODEL_LENET5=y\nCONFIG_OPTIMIZER_SGD=y\nCONFIG_LENET5_MAX_TIME=0\n"
        "CONFIG_MODEL_SELECT_GPT2=n\nCONFIG_MAGNITUDE_PRUNING_STRUCTURED=n\n"
    )
    notes = planned(tmp_path, symbols, text).notes
    assert "read and ignored: LENET5_MAX_TIME, MAGNITUDE_PRUNING_STRUCTURED" in notes


def test_two_data_sets_are_an_axis(tmp_path, symbols):
    axis = "CONFIG_RESNET18_DATASET=cifar10|cifar100"
    text = f"CONFIG_MODEL_RESNET18=y\nCONFIG_OPTIMIZER_SGD=y\n{axis}\n"
    configs = [trial.config for trial in planned(tmp_path, symbols, text).trials]
    assert [c["DATASET"] for c in configs] == ["cifar10", "cifar100"]


def test_what_gives_way_is_said(tmp_path, symbols):
    text = (
        "CONFIG_MODEL_RESNET50=y\nCONFIG_OPTIMIZER_SGD=y\n"
        "CONFIG_NUM_EPOCHS=20\nCONFIG_RESNET50_EPOCHS=50\n"
    )
    plan = planned(tmp_path, symbols, text)
    assert plan.trials[0].config["NUM_EPOCHS"] == "20"
    assert "RESNET50_EPOCHS=50: gives way to NUM_EPOCHS=20" in plan.notes


def test_a_data_set_that_gives_way_to_ours_is_said(tmp_path, symbols):
    text = "CONFIG_MODEL_LENET5=y\nCONFIG_LENET5_DATASET_MNIST=y\nCONFIG_DATASET={}\n"
    plan = planned(tmp_path, symbols, text.format("digits"))
    assert plan.trials[0].config["DATASET"] == "digits"
    assert "LENET5_DATASET_MNIST=y: gives way to DATASET=digits" in plan.notes
    assert not any(
        "gives way" in note for note in planned(tmp_path, symbols, text.format("mnist")).notes
    )


def test_our_own_symbols_beside_a_preset_go_first(tmp_path, symbols):
    more = "CONFIG_SEED=1|2|3\nCONFIG_DATASET=fashion_mnist\nCONFIG_LR_SCHEDULE=step\n"
    configs = [trial.config for trial in planned(tmp_path, symbols, LENET5 + more).trials]
    assert {(c["DATASET"], c["LR_SCHEDULE"], c["BATCH_SIZE"]) for c in configs} == {
        ("fashion_mnist", "step", "256")
    }
    assert [c["SEED"] for c in configs] == ["1", "2", "3"]


def test_a_file_of_ours_is_left_alone(symbols):
    text = "CONFIG_MODEL=lenet5\nCONFIG_OPTIMIZER_MODE_MULTIPLE=y\nCONFIG_ADV_WEIGHT_DECAY=0.1\n"
    settings = range_file.parse(text, "ours")
    assert foreign_config.translate(symbols, settings) == foreign_config.Translation([settings])


def test_a_file_that_names_no_model_is_translated_symbol_by_symbol(tmp_path, symbols):
    text = "CONFIG_NUM_WORKERS=4\nCONFIG_MIXED_PRECISION=y\nCONFIG_VERBOSE=y\nCONFIG_SEED=7\n"
    plan = planned(tmp_path, symbols, text)
    (trial,) = plan.trials
    assert (plan.settings["DATA_WORKERS"], trial.config["AMP"]) == ("4", "bf16")
    assert (trial.config["SEED"], trial.config["BATCH_SIZE"]) == ("7", "32")  # ours
    assert plan.notes[:1] == ["read and ignored: VERBOSE"]


def test_a_preset_in_pieces_is_no_less_than_the_whole(tmp_path, symbols):
    """More trials than are allowed are refused though no part of them is too many."""
    with pytest.raises(UserError, match="more than 8 trials; allow 9 with MAX_TRIALS"):
        planned(tmp_path, symbols, MATRIX + "CONFIG_SWEEP_MAX_TRIALS=8\n")
    with pytest.raises(UserError, match="means 2 range files, and a sampler chooses from one"):
        planned(tmp_path, symbols, MATRIX + "CONFIG_SAMPLER=random\nCONFIG_SAMPLER_TRIALS=2\n")


def test_every_symbol_of_the_table_that_is_ours_exists(symbols):
    table = foreign_table.load()
    ours = {*table.becomes, *table.defaults, *table.values}
    ours |= {name for model in table.models.values() for name in model.defaults}
    assert {name for name in ours if name not in symbols} == set()
    assert {*table.models} <= {*symbols.members("MODEL")}
    assert {*table.optimizers} <= {*symbols.members("OPTIMIZER")}
    assert {*table.methods} <= {*symbols.members("PRUNING_METHOD")}


def test_elsewhere_a_symbol_of_that_program_says_what_to_do():
    hint = "it is one of mcgrof/AdamWPrune; make import-config FROM=<file> translates its presets"
    assert foreign_config.hint("LENET5_DATASET_MNIST") == hint
    assert foreign_config.hint("VERBOZE") is None


def test_a_line_less_is_a_default_more(symbols):
    (part,) = parts(symbols, without(LENET5, "NUM_EPOCHS", "BATCH_SIZE", "LENET5_DATASET_MNIST"))
    assert (part["NUM_EPOCHS"], part["BATCH_SIZE"], part["DATASET"]) == (
        ("10",),
        ("512",),
        ("mnist",),
    )
