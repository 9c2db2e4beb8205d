"""The Python of the page on dendrites runs, and prints what the page says."""

from __future__ import annotations

import re

import pytest

from espalier.core.paths import ROOT
from espalier.kconfig import defconfigs

PAGE = (ROOT / "docs" / "dendrites.md").read_text(encoding="utf-8")
SHOWN = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_python_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    blocks = SHOWN.findall(PAGE)
    assert len(blocks) == PAGE.count("```python") == 2
    for code, printed in blocks:
        exec(compile(code, "dendrites.md", "exec"), names)  # noqa: S102
        assert capsys.readouterr().out == printed


def test_every_range_file_is_on_the_page() -> None:
    names = [path.name for path in defconfigs.paths()]
    examples = [name for name in names if name.startswith(("dendritic-", "on-"))]
    assert len(examples) == 12
    assert [name for name in examples if f"`defconfigs/{name}`" not in PAGE] == []
