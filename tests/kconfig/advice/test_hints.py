"""Hints on the real tree: what is meant, and never something far off."""

from __future__ import annotations

import pytest
import toy

from espalier.core.errors import UserError
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols


@pytest.fixture(scope="module")
def real() -> Symbols:
    return Symbols(tree.parse())


def fault(symbols: Symbols, text: str) -> str:
    with pytest.raises(UserError) as caught:
        toy.parse_requests(symbols, text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("CONFIG_LR=0.1", "did you mean CONFIG_LEARNING_RATE?"),
        ("CONFIG_EPOCHS=3", "did you mean CONFIG_NUM_EPOCHS?"),
        ("CONFIG_seed=3", "did you mean CONFIG_SEED?"),
        ("CONFIG_BATHC_SIZE=3", "did you mean CONFIG_BATCH_SIZE?"),
        ("CONFIG_TEST_MATRIX_MODE=y", "it is one of mcgrof/AdamWPrune; make import-config FROM="),
        ("CONFIG_VERBOSITY=y", "`make menuconfig` shows what there is"),
        ("CONFIG_OPTIMIZER_SELECT_YOGI=y", "`make menuconfig` shows what there is"),
        ("CONFIG_PRUNING_ENABLE_LOTTERY=y", "`make menuconfig` shows what there is"),
        ("CONFIG_DEVICE_GPU=y", "did you mean CONFIG_DEVICE_CUDA?"),
        ("CONFIG_OPTIMIZER=sgd\nCONFIG_WEIGHT_DECY=0", "did you mean CONFIG_SGD_WEIGHT_DECAY?"),
        (
            "CONFIG_OPTIMIZER=adamw\nCONFIG_WEIGHT_DECAY=0",
            "did you mean CONFIG_ADAMW_WEIGHT_DECAY?",
        ),
        (
            "CONFIG_WEIGHT_DECAY=0\nCONFIG_OPTIMIZER_SELECT_ADAMWADV=y",
            "did you mean CONFIG_ADV_WEIGHT_DECAY?",
        ),
        ("CONFIG_WD=0", "did you mean one of CONFIG_ADAFACTOR_WEIGHT_DECAY, CONFIG_ADAM_WEIGHT_"),
        ("CONFIG_OPTIMIZER=sgd\nCONFIG_MOMENTUM=0", "did you mean CONFIG_SGD_MOMENTUM?"),
        ("CONFIG_METHOD_TARGET_SPARSITY=0", "did you mean CONFIG_TARGET_SPARSITY?"),
        (
            "CONFIG_PRUNING_SELECT_ADAMWPRUNE=y",
            "did you mean CONFIG_OPTIMIZER_SELECT_ADAMWPRUNE?",
        ),
        ("CONFIG_SNAPSHOT_DELTA=y", "CONFIG_SNAPSHOT_COMPRESS took its place"),
        ("CONFIG_RANK_BY_VAL_LOSS=y", "CONFIG_RANK_BY=val_loss took its place"),
    ],
)
def test_unknown_symbols(real: Symbols, text: str, hint: str) -> None:
    assert f": no such symbol; {hint}" in fault(real, text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "CONFIG_PRUNING_METHOD=adamwprune",
            "; did you mean state, with CONFIG_OPTIMIZER=adamwprune? known: ",
        ),
        ("CONFIG_SAMPLER=state", "; it is one of CONFIG_PRUNING_METHOD. known: cmaes, gp, grid, "),
        ("CONFIG_LR_SCHEDULE=cosin", "; did you mean cosine? known: "),
        ("CONFIG_LR_SCHEDULE=polynomial", "no such member; known: "),
        ("CONFIG_MODEL={mlp,lenet5}", "; use | between values: mlp|lenet5; known: "),
        ("CONFIG_MODEL=mlp, LeNet5", "; use | between values: mlp|LeNet5; known: "),
        ("CONFIG_MODEL=(mlp|lenet5)", "; use | between values: mlp|lenet5; known: "),
    ],
)
def test_unknown_members(real: Symbols, text: str, hint: str) -> None:
    assert hint in fault(real, text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("CONFIG_LEARNING_RATE=0.1,0.2", "; use | between values: 0.1|0.2"),
        ("CONFIG_LEARNING_RATE=[0.1, 0.2]", "; use | between values: 0.1|0.2"),
        ('CONFIG_LEARNING_RATE="0.1, 0.2"', "; use | between values: 0.1|0.2"),
        ("CONFIG_LEARNING_RATE={1e-3;1e-4}", "; use | between values: 1e-3|1e-4"),
        ("CONFIG_SEED=1 2 3", "; use | between values: 1|2|3"),
        ("CONFIG_SEED=1|2,3", "; use | between values: 1|2|3"),
        ("CONFIG_SEED=1..5", "; use | between values, or start:step:end, as in 1:1:5"),
        ("CONFIG_SEED=[1..5]", "; use | between values, or start:step:end, as in 1:1:5"),
        ("CONFIG_SEED=1-5", "; use | between values, or start:step:end, as in 1:1:5"),
        ("CONFIG_LEARNING_RATE=0.1..0.5", "; use | between values, or start:step:end"),
        ('CONFIG_SEED="1|2"', "; quotes keep it one value; without them: 1|2"),
        ('CONFIG_SEED="1:1:3"', "; quotes keep it one value; without them: 1:1:3"),
        ("CONFIG_SEED=[3]", "; without brackets: 3"),
        ("CONFIG_TARGET_SPARSITY=0,5", "; use a decimal point: 0.5"),
        ("CONFIG_COMPILE=True", "must be y or n; write y"),
        ("CONFIG_COMPILE=0", "must be y or n; write n"),
        ("CONFIG_COMPILE=y,n", "must be y or n; use | between values: y|n"),
        ("CONFIG_LEARNING_RATE=fast,slow", "such as 0.001 or 1e-3"),
        pytest.param(f"CONFIG_LEARNING_RATE={'9' * 99999}..", "or 1e-3", id="very long"),
    ],
)
def test_values_spelt_as_elsewhere(real: Symbols, text: str, hint: str) -> None:
    assert fault(real, text).endswith(hint)
