"""An imported preset is a range file of ours that plans the same trials."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_presets import LENET5, MATRIX, planned

from espalier.core.errors import UserError
from espalier.kconfig import tree
from espalier.kconfig.foreign import foreign_text
from espalier.kconfig.symbols import Symbols
from espalier.plan.plan import Plan


@pytest.fixture(scope="module")
def symbols() -> Symbols:
    return Symbols(tree.parse())


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    path = tmp_path / "matrix"
    path.write_text(MATRIX, encoding="utf-8")
    return path


def ids(plan: Plan) -> set[str]:
    return {trial.id for trial in plan.trials}


def test_one_trial(tmp_path: Path, symbols: Symbols) -> None:
    path = tmp_path / "a preset"
    path.write_text(LENET5, encoding="utf-8")
    text = foreign_text.only(foreign_text.imported(path), path)
    assert text.startswith(f"# Imported from {path}\n# {path} is read as a preset of mcgrof/")
    assert "\n# read and ignored: PIN_MEMORY, GPU_WARMUP, VERBOSE\n" in text
    assert "\n\nCONFIG_MODEL=lenet5\nCONFIG_OPTIMIZER=adamwprune\n" in text
    plan = planned(tmp_path, symbols, text)
    assert ids(plan) == ids(planned(tmp_path, symbols, LENET5))
    assert plan.notes == []


def test_a_matrix_whose_rates_go_by_the_optimizer_is_two_files(
    tmp_path: Path, symbols: Symbols, matrix: Path
) -> None:
    texts = foreign_text.imported(matrix)
    with pytest.raises(UserError, match="means 2 range files, since some of its values go by"):
        foreign_text.only(texts, matrix)
    written = foreign_text.files(texts, tmp_path / "out")
    assert [path.name for path in written] == ["out-1", "out-2"]
    first, second = (ids(planned(tmp_path, symbols, text)) for text in written.values())
    assert first | second == ids(planned(tmp_path, symbols, MATRIX))
    assert first & second == set()


def test_what_cannot_be_imported(tmp_path: Path, matrix: Path) -> None:
    ours = tmp_path / "ours"
    ours.write_text("CONFIG_MODEL=mlp\n", encoding="utf-8")
    with pytest.raises(UserError, match="has no symbol that only mcgrof/AdamWPrune knows"):
        foreign_text.imported(ours)
    matrix.write_text(MATRIX.replace('"0.2"', '"-1"'), encoding="utf-8")
    with pytest.raises(
        UserError, match=r"matrix:17: CONFIG_LEARNING_RATE=-1: must be in \(0, 100\]"
    ):
        foreign_text.imported(matrix)


def test_a_place_cannot_slip_a_setting_into_the_comment(tmp_path: Path) -> None:
    path = tmp_path / "a\nCONFIG_SEED=9\nb"
    path.write_text(LENET5, encoding="utf-8")
    (text,) = foreign_text.imported(path)
    assert "\nCONFIG_SEED" not in text


@pytest.mark.parametrize("out", ["", "nowhere/out"])
def test_where_nothing_can_be_written(tmp_path: Path, out: str) -> None:
    with pytest.raises(UserError, match=r"is a folder; OUT must name a file|no such folder"):
        foreign_text.files(["text"], tmp_path / out)


def test_a_text_that_would_be_split_is_quoted(tmp_path: Path, symbols: Symbols) -> None:
    path = tmp_path / "preset"
    path.write_text(LENET5 + 'CONFIG_DATA_DIR="my data|old #1"\n', encoding="utf-8")
    (text,) = foreign_text.imported(path)
    assert 'CONFIG_DATA_DIR="my data|old #1"\n' in text
    assert planned(tmp_path, symbols, text).settings["DATA_DIR"] == "my data|old #1"
