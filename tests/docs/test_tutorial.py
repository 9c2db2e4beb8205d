"""Every command of the tutorial runs, on fewer epochs and seeds, and leaves what the page says."""

from __future__ import annotations

import re

import page_commands
import pictures
import pytest
import tutorial
from page_commands import Said

from espalier.core.paths import ROOT
from espalier.kconfig import defconfigs
from espalier.plan import planning

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = page_commands.blocks(PAGE)
SMALLER = {
    "CONFIG_MLP_WIDTH=32": "CONFIG_MLP_WIDTH=4",
    "CONFIG_NUM_EPOCHS=15": "CONFIG_NUM_EPOCHS=4\nCONFIG_TRAIN_SUBSET=512",
    "RAMP_END_EPOCH=10": "RAMP_END_EPOCH=3\nCONFIG_PRUNING_WARMUP=4",
    "=0.001|0.002|0.004|0.008": "=0.004|0.008",
    "CONFIG_SEED=11:1:30": "CONFIG_SEED=11|12|13",
    "make sweep ": "make sweep PARALLEL=1 ",
}
"""What makes the page's sweeps small: of the network, samples, epochs, rates and seeds."""


def smaller(commands: str) -> str:
    """Return the same commands with smaller sweeps."""
    for old, new in SMALLER.items():
        commands = commands.replace(old, new)
    return commands


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    """What each block came to, by its name in the record, or by its commands."""
    copy = page_commands.copy_checkout(tmp_path_factory.mktemp("tutorial") / "espalier")
    every = page_commands.follow(copy, BLOCKS, smaller)
    return {item.block.shown_as or item.block.commands: item for item in every}


def test_every_command_but_the_clone_runs(said: dict[str, Said]) -> None:
    failed = [item.text for item in said.values() if item.code]
    assert [text for text in failed if tutorial.BUSY not in text] == []
    assert len(said) == len(BLOCKS) - 1
    assert not [item.text for item in said.values() if "warning: " in item.text]


def test_the_commands_say_what_the_page_speaks_of(said: dict[str, Said]) -> None:
    assert "did you mean state?" in said["slip"].text
    assert "Wrote 36 configurations" in said["plan"].text
    assert "seeds between two" in said["power"].text
    assert len(re.findall("^(BETTER|WORSE|UNDECIDED)", said["verdict"].text, re.MULTILINE)) == 3
    assert {kind for kind, _ in pictures.DRAWN.findall(said["figures"].text)} == {
        name.removeprefix("tutorial-").removesuffix(".png") for name in pictures.linked("tutorial")
    }


def test_what_is_shown_is_named_once() -> None:
    names = [block.shown_as for block in BLOCKS if block.shown_as]
    assert len(names) == len(set(names)) > 8


def test_the_range_file_of_the_page_is_the_one_that_is_there() -> None:
    parts = re.findall(r"^cat >>? my-range <<'END'\n(.*?)^END$", PAGE, re.MULTILINE | re.DOTALL)
    text = (ROOT / "defconfigs" / "mnist-5k-rates-range").read_text(encoding="utf-8")
    assert "".join(parts).strip() == text.removeprefix(defconfigs.leading_comment(text)).strip()


def test_the_trained_methods_differ_in_the_method_alone() -> None:
    """Equal epochs, batches and schedules, and the same update rule."""
    path = ROOT / "defconfigs" / "mnist-5k-rates-range"
    configs = [dict(trial.config) for trial in planning.plan_from_files([path]).trials]
    for config in configs:
        own = config.pop("OPTIMIZER").upper()
        for name in ("BETA1", "BETA2", "EPSILON", "WEIGHT_DECAY"):
            config[name] = config.pop(f"{own}_{name}")
        config.pop("PRUNING_METHOD")
        assert config.pop("ADAMWPRUNE_AMSGRAD", "n") == "n"
    sides = [
        {tuple(sorted((k, v) for k, v in c.items() if k in shared)) for c in half}
        for half in (configs[:36], configs[36:])
        for shared in [configs[0].keys() & configs[-1].keys()]
    ]
    assert sides[0] == sides[1]


def test_an_excerpt_has_the_first_and_the_last_trial_and_names_no_folder() -> None:
    trials = [f"[{n:2}/12] config_{n:03d} passed" for n in range(1, 13)]
    lines = ["Variable parameters:", *trials, "page: sweep_20250102_030405_x/report.html"]
    assert tutorial.excerpt("\n".join(lines) + "\n").splitlines() == [
        *("```text", trials[0], "...", trials[-1]),
        *("page: sweep_YYYYMMDD_HHMMSS_x/report.html", "```"),
    ]
