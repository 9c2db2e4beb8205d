"""The page of the benches names every range file, a row for every arm, and tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from espalier.core.paths import ROOT
from espalier.kconfig import defconfigs

PAGE = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
ROWS = [
    re.split(r"(?<!\\) \| ", line.strip("| "))
    for line in PAGE.partition("## The arms")[2].splitlines()
    if line.startswith("| ") and not line.startswith("| arm ")
]
LIBRARY = ROOT / "lib" / "espalier"
FAMILIES = ("pruning", "rewiring", "latent", "plasticity", "widening")
OTHERS = ("apoptosis_cbp", "apoptosis_redo", "dendritic_ann", "vit", "gpt", "resnet_cifar")
PUBLISHED = ("lion", "muon", "soap", "adafactor", "schedulefree")


def components() -> list[str]:
    """The components of the families: a file of Kconfig beside one of Python."""
    files = [path for name in FAMILIES for path in (LIBRARY / "methods" / name).rglob("*.Kconfig")]
    return [path.stem for path in files if path.with_suffix(".py").exists()]


@pytest.mark.parametrize("name", [*sorted(components()), *OTHERS, *PUBLISHED])
def test_every_component_of_the_families_has_a_row(name: str) -> None:
    assert any(re.search(rf"\b{name}\b", row[0]) for row in ROWS)


def test_every_row_is_whole_and_its_tests_exist() -> None:
    assert [row for row in ROWS if len(row) != 4] == []
    named = {name for row in ROWS for name in re.findall(r"tests/[\w/]+(?:\.py)?", row[2])}
    assert len(named) > 20
    assert [name for name in sorted(named) if not Path(ROOT, name).exists()] == []


def test_every_range_file_is_on_the_page() -> None:
    names = [path.name for path in defconfigs.ranges() if path.name.startswith("bench-")]
    assert len(names) == 10
    assert [name for name in names if f"`defconfigs/{name}`" not in PAGE] == []


@pytest.mark.parametrize("family", ["pruning", "sparse", "plasticity", "growth", "dendrites"])
def test_both_forms_of_a_bench_have_the_same_claim(family: str) -> None:
    texts = [
        Path(ROOT, "defconfigs", f"bench-{family}-{form}").read_text(encoding="utf-8")
        for form in ("quick-range", "range")
    ]
    quick, full = (re.findall(r"^CONFIG_CLAIM=.*$", text, re.MULTILINE) for text in texts)
    assert quick == full and len(quick) == 1
