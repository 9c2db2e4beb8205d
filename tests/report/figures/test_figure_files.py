"""Files of figures: whole, the same every time, with the caption in their own data."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from PIL import Image

from espalier.core.errors import UserError
from espalier.core.process.disk_full import DiskFullError
from espalier.report.figures.drawn_figure import DrawnFigure
from espalier.report.figures.figure_files import FORMATS, save
from espalier.report.figures.figure_kinds import lay_out, write_figure
from espalier.report.figures.figure_style import STYLES, new_panels

STYLE = STYLES["column"]
CAPTION = "Means </desc><script>x</script> of \N{GREEK SMALL LETTER OMEGA}, n = 3 seeds."


def drawn() -> DrawnFigure:
    def draw() -> DrawnFigure:
        figure, ((panel,),) = new_panels(STYLE)
        panel.plot([0, 1], [0, 1])
        return DrawnFigure(figure, CAPTION)

    return lay_out(draw, STYLE)


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_figure_is_the_same_file(form: str, tmp_path: Path) -> None:
    first, second = (
        write_figure(drawn(), tmp_path / f"{name}.{form}", STYLE, "OUT").read_bytes()
        for name in ("one", "two")
    )
    assert first == second and len(first) > 1000
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["one", "two"]


def test_the_caption_is_in_the_file(tmp_path: Path) -> None:
    png = write_figure(drawn(), tmp_path / "a.png", STYLE, "OUT")
    with Image.open(png) as image:
        assert image.info["Description"] == CAPTION
        assert image.info["dpi"][0] == pytest.approx(300, abs=0.1)
    svg = write_figure(drawn(), tmp_path / "a.svg", STYLE, "OUT").read_text(encoding="utf-8")
    assert "&lt;/desc&gt;&lt;script&gt;" in svg and "<script>" not in svg.replace("<!-- ", "")


@pytest.mark.parametrize("name", ["a.nothing", "no/folder.png", "a"])
def test_what_cannot_be_written_is_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^--plot .*"):
        save(drawn().figure, tmp_path / name, "--plot")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn().figure

    def fill(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(figure, "savefig", fill)
    with pytest.raises(DiskFullError, match="no space left on the disk"):
        save(figure, tmp_path / "a.png", "--plot")
    assert list(tmp_path.iterdir()) == []
