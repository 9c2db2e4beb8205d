"""`figures`: files, lines, variables of make, and bad input."""

from __future__ import annotations

from pathlib import Path

import pytest
from figure_sources import HOSTILE, grid
from given_variables import give
from PIL import Image
from stored_sweeps import stored

from espalier.__main__ import main
from espalier.report.figures.figure_kinds import KINDS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return stored(tmp_path / "sweep_1", grid(("state", "magnitude")))


def test_all_figures_of_a_sweep_and_why_not_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figures", "--dir", str(folder), "--format", "svg"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert f"ladder: {folder}/figures/ladder.svg" in out
    assert "race: not drawn: the sweep is no race; run one with `make race RANGE_CONFIG=...`" in out
    assert not [line for line in out if "warning" in line]
    said = {line.partition(":")[0] for line in out if not line.startswith("  ")}
    assert said == set(KINDS)
    written = {path.stem for path in (folder / "figures").iterdir()}
    assert written == {line.partition(":")[0] for line in out if ".svg" in line}
    caption = out[out.index(f"ladder: {folder}/figures/ladder.svg") + 1].strip()
    text = (folder / "figures" / "ladder.svg").read_text(encoding="utf-8")
    assert caption in text


def test_variables_of_make(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder.parent / "pictures"
    variables = {
        "DIR": folder,
        "KIND": "ladder",
        "STYLE": "column",
        "SIZE": "4x4",
        "DPI": "50",
        "X": "CONFIG_TARGET_SPARSITY",
        "LABELS": "val_acc=Accuracy;TARGET_SPARSITY=Zeros",
        "TITLE": "A title",
        "RANK_BY": "test_acc",
        "OUT": out,
        "BY": "PRUNING_METHOD",
        "TOP": "3",
    }
    give(monkeypatch, **{name: str(value) for name, value in variables.items()})
    assert main(["figures"]) == 0
    assert f"ladder: {out}/ladder.png" in capsys.readouterr().out
    with Image.open(out / "ladder.png") as image:
        assert image.size == (200, 200)
        assert image.info["Description"].startswith("Test accuracy against zeros.")


def test_words_of_a_user_are_on_the_axes(folder: Path, tmp_path: Path) -> None:
    given = ["--kind", "ladder", "--format", "svg", "--out", str(tmp_path), "--title", HOSTILE[0]]
    labels = ["--labels", "val_acc=Accuracy of $x^$"]
    assert main(["figures", "--dir", str(folder), *given, *labels]) == 0
    text = (tmp_path / "ladder.svg").read_text(encoding="utf-8")
    assert "<!-- Accuracy of $x^$ -->" in text and "<!-- &lt;/script&gt;" in text
    assert "<script" not in text


BAD = [
    (
        ["--kind", "ladder,lader"],
        "--kind lader: did you mean ladder? it must be one of accuracy-sparsity",
    ),
    (["--kind", "race"], "--kind race: the sweep is no race"),
    (["--format", "gif"], "--format gif: must be one of pdf, svg, png"),
    (["--style", "poster"], "--style poster: must be one of column, page, talk"),
    (["--size", "big"], "SIZE=big: must be width x height in inches"),
    (["--size", "1x1", "--kind", "ladder"], "--kind ladder: there is no room for its panels"),
    (["--dpi", "5000"], "DPI=5000: must be an integer from 30 to 1200"),
    (["--top", "0"], "--top 0: must be an integer of at least 1"),
    (["--labels", "a"], "LABELS=a: must be name=words"),
    (["--labels", "val_ac=Acc"], "LABELS=val_ac=Acc: no trial has val_ac; the sweep varies "),
    (["--group-by", "MODEL", "--kind", "curves"], "BY=MODEL: must be a symbol that the sweep"),
    (["--by", "val_ac"], "RANK_BY=val_ac: no trial has val_ac"),
]


@pytest.mark.parametrize(("given", "said"), BAD)
def test_bad_input_is_one_line_and_nothing_is_written(
    given: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figures", "--dir", str(folder), *given]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"error: {said}") and shown.err.count("\n") == 1
    assert not shown.out and not (folder / "figures").exists()


def test_a_kind_of_the_environment_is_named_as_its_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for value, said in (("lader", "did you mean ladder?"), ("ladder,race", "the sweep is no race")):
        give(monkeypatch, KIND=value)
        assert main(["figures", "--dir", str(folder)]) == 2
        name = value.rpartition(",")[2]
        assert capsys.readouterr().err.startswith(f"error: KIND={name}: {said}")
    assert not (folder / "figures").exists()


def test_a_place_that_cannot_be_written_to_is_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    given = ["figures", "--dir", str(folder), "--kind", "ladder", "--out"]
    assert main([*given, str(tmp_path / "file")]) == 2
    assert main([*given, str(tmp_path / "file" / "below")]) == 2
    assert main(["figures", "--dir", str(tmp_path)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3 and all(line.startswith("error: ") for line in errors)
    assert "is a file; OUT must name a folder" in errors[0]


def test_a_folder_with_nothing_to_draw_says_why_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seeds.json").write_text(
        '{"size": "live_edges", "epochs": 4, "margin": 0.05, "alpha": 0.01, "smallest": null, '
        '"candidates": []}',
        encoding="utf-8",
    )
    assert main(["figures", "--dir", str(tmp_path)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert len(out) == len(KINDS) and all(": not drawn: " in line for line in out)
    assert not (tmp_path / "figures").exists()
