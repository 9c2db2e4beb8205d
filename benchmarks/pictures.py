"""The pictures of the documentation: the commands of its pages are run, and what they draw is kept.

    python benchmarks/pictures.py [--only gallery|tutorial] [--keep FOLDER]

Runs docs/gallery.md and docs/tutorial.md, each in a copy of the checkout, keeps in docs/figures/
the pictures that they link to, and photographs the page of the tutorial's last sweep for the
README.
With `--keep` the copies stay in FOLDER.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

import chromium
import measuring
import page_commands
from PIL import Image

from espalier.core.paths import RESULTS, ROOT

PAGES = {"gallery": "", "tutorial": "tutorial-"}
"""The pages with pictures, and what the names of their pictures begin with."""
REPORTED = "tutorial"
"""The page whose last sweep is photographed."""
FIGURES = ROOT / "docs" / "figures"
DRAW = "make figures "
DPI = 130
COLOURS = 128
LINK = re.compile(r"\]\(figures/([\w-]+\.png)\)")
DRAWN = re.compile(r"^([a-z-]+): (\S+\.png)$", re.MULTILINE)
VIEWPORT = {"width": 1100, "height": 900}
PHOTOGRAPHED = ("#scatter", "#forest")
"""Parts of the page, from the first of which to the last the picture goes."""
DRAWN_AFTER = 1000
"""Milliseconds that a page may take to draw all."""


def main() -> int:
    """Run the pages and keep their pictures; the exit code is 1 if one of them is not there."""
    args = _parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kept = args.keep or Path(folder)
        for page in [args.only] if args.only else PAGES:
            draw_page(page, kept / page)
        if args.only in (None, REPORTED):
            _photograph_report(kept / REPORTED)
    missing = [name for page in PAGES for name in linked(page) if not (FIGURES / name).exists()]
    print("\n".join(f"error: docs/figures/{name}: no command draws it" for name in missing))
    return 1 if missing else 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--only", choices=[*PAGES], help="one page alone")
    made.add_argument("--keep", type=Path, help="where the copies of the checkout stay")
    return made


def linked(page: str) -> list[str]:
    """Return the pictures of docs/figures/ that a page links to."""
    return LINK.findall((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))


def draw_page(page: str, place: Path) -> None:
    """Run a page in a new folder and keep the pictures that it links to."""
    steps = page_commands.blocks((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))
    names = linked(page)
    copy = page_commands.copy_checkout(place)
    for said in page_commands.follow(copy, steps, at_screen_size):
        if said.code:
            sys.exit(f"{said.text}\nerror: docs/{page}.md: failed: {said.block.commands}")
        for kind, path in DRAWN.findall(said.text):
            if f"{PAGES[page]}{kind}.png" in names:
                keep_picture(copy / path, FIGURES / f"{PAGES[page]}{kind}.png")


def at_screen_size(commands: str) -> str:
    """Return commands that draw as many dots as a screen shows, not as paper does."""
    return commands.replace(DRAW, f"{DRAW}DPI={DPI} ")


def keep_picture(source: Path, target: Path) -> None:
    """Copy a PNG with few colours, which makes it small; its text is left out."""
    target.parent.mkdir(exist_ok=True)
    with Image.open(source) as picture:
        picture.convert("RGB").quantize(COLOURS).save(target, optimize=True)
    measuring.say(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1000:.0f} kB")


def _photograph_report(place: Path) -> None:
    """Keep what some parts of the last sweep's page look like."""
    newest = max((place / RESULTS).glob("sweep_*/report.html"))
    drawn = place / "report.png"
    with chromium.launched() as browser:
        page = browser.new_page(viewport=VIEWPORT, color_scheme="light")
        page.goto(newest.as_uri())
        page.wait_for_timeout(DRAWN_AFTER)
        boxes = [page.locator(name).bounding_box() for name in PHOTOGRAPHED]
        top, bottom = boxes[0]["y"], boxes[-1]["y"] + boxes[-1]["height"]
        clip = {"x": 0, "y": top, "width": VIEWPORT["width"], "height": bottom - top}
        page.screenshot(path=drawn, full_page=True, clip=clip)
    keep_picture(drawn, FIGURES / "report.png")


if __name__ == "__main__":
    sys.exit(main())
