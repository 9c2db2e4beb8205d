"""The configuration blocks of the sweep guide, as printed there, with the trials each means."""

MEANT = ("CONFIG_DATASET=cifar10", "CONFIG_NUM_EPOCHS=100")
"""What the guide takes for granted, and without which its warm-up outlasts every run."""


def whole(block: str) -> str:
    """Return a block with what is meant beside it."""
    return "\n".join([*(line for line in MEANT if line.split("=")[0] not in block), block])


FORMAT = """# Fixed parameters
CONFIG_MODEL_MODE_SINGLE=y
CONFIG_TARGET_SPARSITY=0.7

# Range parameters (start:step:end)
CONFIG_ADAMWPRUNE_WEIGHT_DECAY=0.03:0.02:0.09

# Choice parameters (option1|option2|option3)
CONFIG_ADAMWPRUNE_BETA1=0.85|0.87|0.89
CONFIG_ADAMWPRUNE_AMSGRAD=y|n

# Single value
CONFIG_ADAMWPRUNE_BETA2=0.999
"""

STEP_1 = """# resnet18/defconfigs/resnet18-state-pruning-compare-range

# Fixed model settings
CONFIG_MODEL_SELECT_RESNET18=y
CONFIG_OPTIMIZER_SELECT_ADAMWPRUNE=y
CONFIG_PRUNING_METHOD="state"
CONFIG_TARGET_SPARSITY=0.7

# Tunable parameters
CONFIG_ADAMWPRUNE_WEIGHT_DECAY=0.03|0.05|0.07
CONFIG_ADAMWPRUNE_BETA1=0.85|0.87|0.89
CONFIG_PRUNING_WARMUP=7800|11700  # Epoch 20 or 30
CONFIG_PRUNING_RAMP_END_EPOCH=70|80
"""

SINGLE = "CONFIG_ADAMWPRUNE_BETA2=0.999\n"
CHOICES = "CONFIG_ADAMWPRUNE_AMSGRAD=y|n\nCONFIG_PRUNING_WARMUP=7800|11700|15600\n"
RANGE = "CONFIG_ADAMWPRUNE_WEIGHT_DECAY=0.03:0.02:0.09\n"

COARSE = """CONFIG_ADAMWPRUNE_WEIGHT_DECAY=0.01|0.05|0.10
CONFIG_ADAMWPRUNE_BETA1=0.80|0.85|0.90
"""

REFINED = """# If 0.87 worked well for beta1
CONFIG_ADAMWPRUNE_BETA1=0.86|0.87|0.88
"""

AMSGRAD_OFF = """# Fix AMSGrad if it consistently performs worse
CONFIG_ADAMWPRUNE_AMSGRAD=n
"""

SHORT = "CONFIG_NUM_EPOCHS=20  # Quick test to eliminate bad configs\n"

QUICK = """CONFIG_ADAMWPRUNE_WEIGHT_DECAY=0.03|0.07
CONFIG_ADAMWPRUNE_BETA1=0.85|0.89
CONFIG_PRUNING_WARMUP=7800
CONFIG_PRUNING_RAMP_END_EPOCH=70
# Total: 4 configurations
"""

COMPREHENSIVE = """CONFIG_ADAMWPRUNE_WEIGHT_DECAY=0.03|0.05|0.07
CONFIG_ADAMWPRUNE_BETA1=0.85|0.87|0.89
CONFIG_PRUNING_WARMUP=7800|11700
CONFIG_PRUNING_RAMP_END_EPOCH=70|80
# Total: 36 configurations
"""

FINE_TUNING = """CONFIG_ADAMWPRUNE_WEIGHT_DECAY=0.04|0.05|0.06
CONFIG_ADAMWPRUNE_BETA1=0.86|0.87|0.88
CONFIG_PRUNING_WARMUP=7800
CONFIG_PRUNING_RAMP_END_EPOCH=80
# Total: 9 configurations
"""

BLOCKS = [
    (FORMAT, 24),
    (STEP_1, 36),
    (SINGLE, 1),
    (CHOICES, 6),
    (RANGE, 4),
    (COARSE, 9),
    (REFINED, 3),
    (AMSGRAD_OFF, 1),
    (SHORT, 1),
    (QUICK, 4),
    (COMPREHENSIVE, 36),
    (FINE_TUNING, 9),
]
