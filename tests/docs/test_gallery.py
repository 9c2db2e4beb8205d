"""Every kind of figure is in the gallery, and each of its commands draws one, of a small sweep."""

from __future__ import annotations

import re
from pathlib import Path

import page_commands
import pictures
import pytest
from page_commands import Block

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
    "digits-snapshots": """
CONFIG_PRUNING_METHOD=apoptosis_growth
CONFIG_NUM_EPOCHS=20
CONFIG_SNAPSHOT_EVENTS=n
CONFIG_SNAPSHOT_EVERY=0
CONFIG_SEED=1
""",
}
"""What is added to the range files of the page, so that each trains in a second."""
CANDIDATES = """
CONFIG_MODEL=blocks
CONFIG_OPTIMIZER=adam
CONFIG_BLOCKS_SIZES=""|"8"
CONFIG_LEARNING_RATE=0.01
CONFIG_NUM_EPOCHS=8
CONFIG_SEED=1|2|3
"""
FINDER = "scripts/espalier seed-finder candidates --rungs 1 --parallel 1"


def sections() -> list[list[Block]]:
    """Return the blocks of the page, those of a sweep with the figures of it."""
    made: list[list[Block]] = []
    for block in page_commands.blocks(PAGE):
        if block.commands.startswith("make figures"):
            made[-1].append(block)
        else:
            made.append([block])
    return made


def smaller(commands: str) -> str:
    """Return the same commands with smaller sweeps, one worker and fewer rounds."""
    named = re.sub(
        r"RANGE_CONFIG=defconfigs/([\w-]+)-range",
        r'PARALLEL=1 RANGE_CONFIG="defconfigs/\1-range \1"',
        commands,
    )
    whole = named.replace("make seed-finder", FINDER)
    short = re.sub(r"CONFIG_NUM_EPOCHS=\d+", "CONFIG_NUM_EPOCHS=4", whole)
    return re.sub(r"MAX_SEEDS=\d+", "PARALLEL=1 MAX_SEEDS=3", short)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with the smaller range files."""
    copy = page_commands.copy_checkout(tmp_path_factory.mktemp("gallery") / "espalier")
    for name, text in {**SMALL, "candidates": CANDIDATES}.items():
        (copy / name).write_text(text, encoding="utf-8")
    return copy


def last_kind(steps: list[Block]) -> str:
    """Return what the last figure of a section is called."""
    return re.split("KIND=|make ", steps[-1].commands)[-1].split()[0]


@pytest.mark.parametrize("steps", sections(), ids=last_kind)
def test_commands_draw_what_the_page_shows(steps: list[Block], checkout: Path) -> None:
    for said in page_commands.follow(checkout, steps, smaller):
        assert said.code == 0, f"{said.block.commands}{said.text}"
        assert "warning" not in said.text
        wished = re.findall(r"KIND=([\w-]+)", said.block.commands)
        drawn = dict(pictures.DRAWN.findall(said.text))
        assert set(wished) <= set(drawn)
        assert all((checkout / path).stat().st_size > 0 for path in drawn.values())


def test_every_kind_is_drawn_by_a_command_and_shown() -> None:
    assert set(pictures.linked("gallery")) == {f"{kind}.png" for kind in KINDS}


@pytest.mark.parametrize("page", pictures.PAGES)
def test_every_picture_of_a_page_is_there_and_small(page: str) -> None:
    paths = [pictures.FIGURES / name for name in pictures.linked(page)]
    assert [path.name for path in paths if path.stat().st_size > LARGEST] == []
