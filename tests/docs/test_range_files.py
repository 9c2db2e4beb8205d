"""What docs/range-files.md says of values, counts and errors is what happens."""

from __future__ import annotations

import re

import pytest
import toy

from espalier.core.errors import UserError
from espalier.core.paths import ROOT
from espalier.kconfig import range_file, tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import expand, test_matrix

PAGE = (ROOT / "docs" / "range-files.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n((?:(?!```).*\n)*?# Total: (\d+) trials\n)```", PAGE)
ROWS = [
    [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]


@pytest.fixture(scope="module")
def real() -> Symbols:
    return Symbols(tree.parse())


def trials(real: Symbols, text: str) -> int:
    axes = test_matrix.to_axes(real, toy.parse_requests(real, text))
    return len(expand.expand(real, axes, None, True).configs)


@pytest.mark.parametrize(("text", "count"), BLOCKS)
def test_blocks(real: Symbols, text: str, count: str) -> None:
    assert trials(real, text) == int(count)


def test_the_page_has_examples() -> None:
    assert len(BLOCKS) == 4
    assert len(ROWS) == 26


@pytest.mark.parametrize(("line", "error"), [row for row in ROWS if row[0].startswith("`CONFIG_")])
def test_errors(real: Symbols, line: str, error: str) -> None:
    with pytest.raises(UserError) as caught:
        trials(real, line.strip("`"))
    assert error in str(caught.value)


@pytest.mark.parametrize(
    ("form", "means"), [row for row in ROWS if re.match(r"[\d., x]+(:|$)", row[1])]
)
def test_values(form: str, means: str) -> None:
    (setting,) = range_file.parse(f"CONFIG_X={form.strip('`')}", "f")
    assert ", ".join(setting.values) == means.split(":")[0]
