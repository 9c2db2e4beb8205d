"""Every command of the tutorial runs, on fewer epochs and seeds, and leaves what the page says."""

from __future__ import annotations

import re

import page_commands

from espalier.core.paths import ROOT
from espalier.kconfig import defconfigs

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = page_commands.blocks(PAGE)
SMALLER = {
    "CONFIG_MLP_WIDTH=32": "CONFIG_MLP_WIDTH=4",
    "CONFIG_NUM_EPOCHS=15": "CONFIG_NUM_EPOCHS=4\nCONFIG_TRAIN_SUBSET=512",
    "RAMP_END_EPOCH=10": "RAMP_END_EPOCH=3\nCONFIG_PRUNING_WARMUP=4",
}


def smaller(commands: str) -> str:
    """Return the same commands with a smaller network, fewer samples and fewer epochs."""
    for old, new in SMALLER.items():
        commands = commands.replace(old, new)
    return re.sub(r"CONFIG_SEED=(\d+):1:\d+", r"CONFIG_SEED=\1:1:12", commands)


def test_every_block_that_shows_an_output_is_followed_by_a_record() -> None:
    assert PAGE.count("<!-- tutorial[") >= len([block for block in BLOCKS if block.shown_as])


def test_the_range_file_of_the_page_is_the_one_that_is_there() -> None:
    parts = re.findall(r"^cat >>? my-range <<'END'\n(.*?)^END$", PAGE, re.MULTILINE | re.DOTALL)
    text = (ROOT / "defconfigs" / "mnist-5k-rates-range").read_text(encoding="utf-8")
    assert "".join(parts).strip() == text.removeprefix(defconfigs.leading_comment(text)).strip()
