from __future__ import annotations

from pathlib import Path

import pytest

from espalier.__main__ import main


def test_it_removes_the_plan_and_its_drafts_but_no_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("sweep_configs", ".sweep_configs.draft", "test_matrix_results", "mine"):
        Path(name).mkdir()
        Path(name, "file").touch()
    assert main(["sweep-clean"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "test_matrix_results"]
    assert main(["sweep-clean"]) == 0


def test_of_a_link_what_it_leads_to_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    Path("mine", "file").touch()
    Path("sweep_configs").symlink_to("mine")
    Path(".sweep_configs.draft").symlink_to("nowhere")
    assert main(["sweep-clean"]) == 0
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == [
        "mine",
        "mine/file",
    ]
