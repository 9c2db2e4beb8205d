"""Small presets of our own, in the form of those of mcgrof/AdamWPrune."""

from __future__ import annotations

import re
from pathlib import Path

from espalier.kconfig.symbols import Symbols
from espalier.plan import planning
from espalier.plan.plan import Plan

LENET5 = """
CONFIG_MODEL_LENET5=y
CONFIG_LENET5_DATASET_MNIST=y
CONFIG_OPTIMIZER_MODE_SINGLE=y
CONFIG_OPTIMIZER_SELECT_ADAMWPRUNE=y
CONFIG_ADV_WEIGHT_DECAY="0.02"
CONFIG_ADV_USE_AMSGRAD=n
CONFIG_PRUNING_MODE_SINGLE=y
CONFIG_PRUNING_SELECT_STATE=y
CONFIG_TARGET_SPARSITY="0.8"
CONFIG_SPAM_THETA="40.0"
CONFIG_BATCH_SIZE=256
CONFIG_NUM_EPOCHS=12
CONFIG_LEARNING_RATE="0.002"
CONFIG_NUM_WORKERS=3
CONFIG_MIXED_PRECISION=y
CONFIG_COMPILE_MODEL=y
CONFIG_PIN_MEMORY=y
CONFIG_GPU_WARMUP=y
CONFIG_VERBOSE=y
"""

MATRIX = """
CONFIG_MODEL_MODE_SINGLE=y
CONFIG_MODEL_SELECT_RESNET18=y
CONFIG_RESNET18_DATASET="cifar10"
CONFIG_RESNET18_NUM_CLASSES=10
CONFIG_OPTIMIZER_MODE_MULTIPLE=y
CONFIG_OPTIMIZER_ENABLE_SGD=y
CONFIG_OPTIMIZER_ENABLE_ADAMWADV=y
CONFIG_OPTIMIZER_ENABLE_ADAMWPRUNE=y
CONFIG_PRUNING_MODE_MULTIPLE=y
CONFIG_PRUNING_ENABLE_NONE=y       # the control of every optimizer
CONFIG_PRUNING_ENABLE_MOVEMENT=y
CONFIG_PRUNING_ENABLE_STATE=y
CONFIG_SPARSITY_ENABLE_50=y
CONFIG_SPARSITY_ENABLE_90=n
CONFIG_SPARSITY_ENABLE_95=y
CONFIG_LEARNING_RATE="0.2"
CONFIG_SPAM_INTERVAL=0
CONFIG_JSON_OUTPUT="metrics.json"
"""

TWO_MODELS = """
CONFIG_MODEL_MODE_MULTIPLE=y
CONFIG_MODEL_ENABLE_LENET5=y
CONFIG_MODEL_ENABLE_RESNET18=y
CONFIG_TEST_MODELS="lenet5,resnet18"
CONFIG_OPTIMIZER="adamw"
CONFIG_PRUNING_METHOD="magnitude"
CONFIG_TARGET_SPARSITY=0.7
CONFIG_NUM_EPOCHS=20
CONFIG_BATCH_SIZE=64
"""


def without(text: str, *names: str) -> str:
    """A preset without the lines of some symbols."""
    return re.sub(rf"^CONFIG_({'|'.join(names)})=.*\n", "", text, flags=re.MULTILINE)


def planned(folder: Path, symbols: Symbols, *texts: str) -> Plan:
    """The plan of the range files with these texts."""
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"preset{number}")
        paths[-1].write_text(text, encoding="utf-8")
    return planning.plan_from_files(paths, symbols=symbols)
