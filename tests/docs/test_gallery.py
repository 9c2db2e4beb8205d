"""Every kind of figure is in the gallery, and each of its commands draws one, of a small sweep."""

from __future__ import annotations

import re
from pathlib import Path

import page_commands
import pictures
import pytest

from espalier.core.paths import ROOT
from espalier.report.figures.figure_kinds import KINDS

PAGE = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
LARGEST = 100_000  # bytes
SMALL = {
    "mnist-5k-rates": """
CONFIG_DATASET=digits
CONFIG_MLP_WIDTH=8
CONFIG_TRAIN_SUBSET=256
CONFIG_NUM_EPOCHS=3
CONFIG_PRUNING_RAMP_END_EPOCH=2
CONFIG_PRUNING_WARMUP=2
CONFIG_LEARNING_RATE=0.01|0.02
CONFIG_SEED=1|2
""",
    "digits-ladder": """
CONFIG_SPARSE_DENSITY=1|0.5|0.1|0.02
CONFIG_NUM_EPOCHS=2
CONFIG_SEED=1|2
""",
    "digits-race": """
CONFIG_TARGET_SPARSITY=0.9
CONFIG_SPARSE_DENSITY=0.1
CONFIG_PRUNING_METHOD=magnitude
CONFIG_OPTIMIZER=adamw
CONFIG_ADAMW_WEIGHT_DECAY=0.01
CONFIG_NUM_EPOCHS=4
""",
    "digits-snapshots": """
CONFIG_PRUNING_METHOD=apoptosis_growth
CONFIG_NUM_EPOCHS=20
CONFIG_SNAPSHOT_EVENTS=n
CONFIG_SNAPSHOT_EVERY=0
CONFIG_SEED=1
""",
    "digits-seeds": """
CONFIG_BLOCKS_SIZES=""|"8"
CONFIG_BLOCKS_DENSITY=0.2
CONFIG_NUM_EPOCHS=8
CONFIG_SEED=1|2|3
""",
}
"""What is added to the range files of the page, by name, so that each trains in a second."""
SECTIONS = [part for part in PAGE.split("\n```bash\nmake ") if not part.startswith("figures")]


def smaller(commands: str) -> str:
    """Return the same commands with smaller sweeps, one worker, and few seeds of a race."""
    named = re.sub(
        r"RANGE_CONFIG=defconfigs/([\w-]+)-range", r'RANGE_CONFIG="defconfigs/\1-range \1"', commands
    )
    whole = named.replace("make seed-finder", 'make seed-finder RANGE_CONFIG="digits-seeds"')
    return re.sub(r"MAX_SEEDS=\d+", "MAX_SEEDS=3", whole)


def test_every_kind_is_drawn_by_a_command_and_shown() -> None:
    assert set(pictures.linked("gallery")) == {f"{kind}.png" for kind in KINDS}


@pytest.mark.parametrize("page", pictures.PAGES)
def test_every_picture_of_a_page_is_there_and_small(page: str) -> None:
    paths = [pictures.FIGURES / name for name in pictures.linked(page)]
    assert [path.name for path in paths if path.stat().st_size > LARGEST] == []
