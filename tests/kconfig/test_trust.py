"""What a file of others may say, and what only the user may."""

from __future__ import annotations

import pytest

from espalier.kconfig import tree, trust
from espalier.kconfig.symbols import Symbols


@pytest.fixture(scope="module")
def symbols() -> Symbols:
    return Symbols(tree.parse())


def test_every_path_and_every_check_of_data_needs_trust(symbols: Symbols) -> None:
    assert set(symbols.need_trust) == {
        *("DATA_DIR", "DOWNLOAD", "DATA_VERIFY", "INIT_FROM"),
        *("TEXT_FILE", "TEXT_SHIFT_FILE", "FOLDER_PATH", "NPZ_FILE", "SCRIPT_FOLDER"),
    }
    texts = {name for name in symbols.prompted if symbols.kind(name) == "string"}
    others = {"BLOCKS_SIZES", "CLAIM", "MULTISCALE_FACTORS", "PRIORITY", "RANK_BY"}  # no paths
    others |= {"APOPTOSIS_LAYERS_TARGETS", "APOPTOSIS_LAYER_NAMES", "INIT_FROM_SHA256"}
    others |= {"SCRIPT", "SCRIPT_DIGEST", "SCRIPT_KNOBS", "SCRIPT_PATTERN", "TRAIN_FUNCTION"}
    others |= {"STOP_BY", "STOP_RUNGS"}
    assert texts - set(symbols.need_trust) == others, "a new text: is it a path? Then mark it"


def test_defaults_stand_in_for_what_needs_trust(symbols: Symbols) -> None:
    file = {"DATA_DIR": "/theirs", "DATA_VERIFY": "n", "DOWNLOAD": "y", "SEED": "3"}
    here = {"DATA_DIR": "data", "DATA_VERIFY": "y", "DOWNLOAD": "n", "SEED": "3"}
    assert trust.without_trust(symbols, file, {}) == here
    given = {"DATA_DIR": "/mine", "SEED": "4"}
    assert trust.without_trust(symbols, file, given) == {**here, "DATA_DIR": "/mine"}
    assert trust.without_trust(symbols, {"SEED": "3"}, given) == {"SEED": "3"}


def test_what_is_left_out_is_said_and_harmless_on_a_terminal() -> None:
    file, taken = {"DATA_DIR": "/a\x1b[2J", "SEED": "3"}, {"DATA_DIR": "data", "SEED": "3"}
    assert trust.note_ignored("m.pt", file, taken, "--data-dir gives it") == (
        "note: m.pt: CONFIG_DATA_DIR='/a\\x1b[2J': paths and checks are not taken from a file; "
        "--data-dir gives it"
    )
    assert trust.note_ignored("m.pt", taken, taken, "") == ""
