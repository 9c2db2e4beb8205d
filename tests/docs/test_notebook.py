"""The Python of the page on notebooks runs, from its top to its end, and its columns exist."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import passed, trial

from espalier.analysis.rank import TrialResult
from espalier.core.paths import ROOT
from espalier.report.frames.loaded_sweep import LoadedSweep, load_sweep

PAGE = (ROOT / "docs" / "notebook.md").read_text(encoding="utf-8")
EARLIER = "sweep_YYYYMMDD_HHMMSS"


def methods(gain: float) -> list[TrialResult]:
    """Two methods at two sparsities with three seeds, one better than the other by about `gain`."""
    made: list[TrialResult] = []
    for method, share in (("movement", 1.0), ("magnitude", 0.0)):
        for sparsity in ("0.7", "0.9"):
            for seed in (1, 2, 3):
                values = {"PRUNING_METHOD": method, "TARGET_SPARSITY": sparsity}
                score = 90 + seed / 8 + share * (gain + seed / 64)
                item = passed(trial(len(made) + 1, seed, **values), score, final_sparsity=sparsity)
                history = [{"epoch": n, "step": 9 * n, "val_acc": score - 1 / n} for n in (1, 2)]
                numbers = item.result.measures | {"final_sparsity": float(sparsity)}
                result = replace(item.result, history=history, measures=numbers)
                made.append(item._replace(result=result))
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with the two sweeps of the page."""
    stored(tmp_path / "test_matrix_results" / EARLIER, methods(0.25))
    stored(tmp_path / "test_matrix_results" / "sweep_2", methods(0.5))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    return tmp_path


def test_python_of_the_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for text in blocks:
        exec(compile(text, "notebook.md", "exec"), names)  # noqa: S102
    assert len(blocks) == 8
    assert str(names["sweep"]) == "<sweep test_matrix_results/sweep_2: 12 trials, by val_acc>"
    out = capsys.readouterr().out
    assert out.startswith("BETTER: A is better than B by validation accuracy\n")
    assert f"B: test_matrix_results/{EARLIER}: 12 of 12 trials passed" in out
    assert "<svg" in (folder / "accuracy-sparsity.svg").read_text(encoding="utf-8")


def test_every_column_is_on_the_page(folder: Path) -> None:
    sweep = load_sweep()
    for title, names in columns(sweep).items():
        section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
        own = [name for name in names if not name.startswith("CONFIG_")]
        assert [name for name in own if f"`{name}`" not in section] == [], title


def columns(sweep: LoadedSweep) -> dict[str, list[str]]:
    """The columns of each frame, measures left out."""
    measures = {name for name in sweep.configurations if f"{name}_n" in sweep.configurations}
    measures |= {f"{name}_{part}" for name in measures for part in ("half_width", "n")}
    compared = sweep.compare(load_sweep(sweep.folder.with_name(EARLIER))).configurations
    frames = {
        "Trials": sweep.trials,
        "Histories": sweep.history[["config_file", "configuration", "seed", "epoch", "step"]],
        "Configurations": sweep.configurations,
        "The ranking": sweep.ranking(),
    }
    assert list(compared.columns[-4:]) == ["high", "n", "p", "verdict"]
    return {
        title: [name for name in frame if name not in measures] for title, frame in frames.items()
    }
