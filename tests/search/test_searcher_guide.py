"""The search guide line by line: its snippets run as they stand, on small files of the real format.

Only where data are, where results go and how much is trained is said beside them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from small_files import write_idx

from espalier.core.paths import ROOT
from espalier.search import scenarios, training_length
from espalier.search.searcher import HyperparameterSearcher

BASIC = """
from hyperparameter_search import HyperparameterSearcher

# Create searcher with 8000 parameter budget
searcher = HyperparameterSearcher(
    dataset="fashion-mnist",
    max_params=8000,
    n_epochs=15,
    verbose=True
)

# Define parameter search space
param_grid = {
    'n_neurons': [8, 10, 12],
    'n_dendrites': [4, 6, 8],
    'n_dendrite_inputs': [64, 96, 128],
    'soma_enabled': [True, False],
    'architecture': ['dendritic_simple'],
    'synaptic_resampling': [True, False]
}

# Run search
searcher.grid_search(param_grid, max_trials=20)

# View results
searcher.print_results(5)
searcher.save_results("my_search_results.json")
"""
GRID = """
param_grid = {
    'n_neurons': [8, 10, 12],
    'n_dendrites': [4, 6, 8],
    'n_dendrite_inputs': [64, 96, 128]
}
searcher.grid_search(param_grid)
"""
RANDOM = """
param_distributions = {
    'n_neurons': (8, 15),  # Range
    'n_dendrites': [4, 6, 8, 10],  # Choices
    'n_dendrite_inputs': {'type': 'randint', 'low': 32, 'high': 200}
}
searcher.random_search(param_distributions, n_trials=50)
"""
ACCESS = """
# Get top 5 results
best_results = searcher.get_best_results(5)

# Print summary
searcher.print_results(5)

# Save to JSON
searcher.save_results("results.json")

# Access specific result
best = best_results[0]
print(f"Best config: {best.params}")
print(f"Accuracy: {best.test_accuracy:.3f}")
print(f"Parameters: {best.total_params}")
"""
WORKFLOW = """
# 1. Quick exploration
from hyperparameter_examples import quick_prototype_search
quick_result = quick_prototype_search(max_params=5000)

# 2. Detailed search around promising area
searcher = HyperparameterSearcher(max_params=8000, n_epochs=20)
param_distributions = {
    'n_neurons': (10, 15),  # Narrow range around quick result
    'n_dendrites': (4, 8),
    'n_dendrite_inputs': (80, 120),
    'architecture': ['dendritic_simple'],
    'synaptic_resampling': [True]
}
searcher.random_search(param_distributions, n_trials=30)

# 3. Final validation
best_config = searcher.get_best_results(1)[0].params
# Train with best config using more epochs...
"""
SCENARIOS = """
from hyperparameter_examples import optimize_for_budget
result = optimize_for_budget(max_params=8000, dataset="fashion-mnist")

from hyperparameter_examples import compare_architectures
results = compare_architectures(max_params=8000, dataset="fashion-mnist")

from hyperparameter_examples import thorough_optimization
thorough = thorough_optimization(max_params=8000, dataset="fashion-mnist")
"""
COMMAND = """
from hyperparameter_examples import optimize_for_budget
result = optimize_for_budget(max_params=5000, dataset='mnist')
print(f'Best accuracy: {result.test_accuracy:.3f}')
"""


@pytest.fixture
def guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a snippet of the guide; its names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    settings: dict[str, object] = {"DATA_VERIFY": False}
    monkeypatch.setattr(training_length, "BATCHES", 8)  # an epoch has 64 batches otherwise
    where = {"data_dir": tmp_path, "output": tmp_path / "sweeps", "in_process": True}
    given: dict[str, object] = {}

    class Small(HyperparameterSearcher):
        def __init__(self, *words, **options) -> None:
            super().__init__(*words, **{**options, **where, "settings": settings, **given})

    import hyperparameter_search

    monkeypatch.setattr(hyperparameter_search, "HyperparameterSearcher", Small)
    monkeypatch.setattr(scenarios, "HyperparameterSearcher", Small)
    names: dict[str, object] = {"HyperparameterSearcher": Small}

    def run(snippet: str, steps: int | None = None, **options) -> dict[str, object]:
        given.clear()
        given.update(options)
        if steps is not None:  # so few updates that the usual interval is longer than a run
            settings["RESAMPLING_STEPS"] = steps
        exec(compile(snippet, "guide", "exec"), names)  # noqa: S102
        return names

    return run


def test_basic_usage_and_results(guide, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_idx(tmp_path, "FashionMNIST", train=400, test=50)
    names = guide(BASIC, steps=4, seeds=1, min_param_ratio=0.8)
    results = names["searcher"].get_best_results(20)
    assert len(results) == 8  # four sizes fit, with resampling and without
    assert (tmp_path / "my_search_results.json").is_file()
    guide(ACCESS)
    out = capsys.readouterr().out
    assert "Best config: {'n_neurons': " in out and "Accuracy: 0." in out
    guide("searcher.grid_search(param_grid)")
    assert len(names["searcher"].get_best_results(20)) == 8


def test_strategies(guide, tmp_path: Path) -> None:
    write_idx(tmp_path, "FashionMNIST", train=400, test=20)
    names = guide(
        "searcher = HyperparameterSearcher()",
        seeds=1,
        n_epochs=1,
        verbose=False,
        min_param_ratio=0.8,
    )
    guide(GRID)
    assert len(names["searcher"].get_best_results(20)) == 4
    guide(RANDOM)
    assert len(names["searcher"].get_best_results(100)) > 45


def test_workflow(guide, tmp_path: Path) -> None:
    write_idx(tmp_path, "FashionMNIST", train=400, test=20)
    write_idx(tmp_path, "MNIST", train=60, test=20)
    names = guide(WORKFLOW, steps=4, seeds=1, verbose=False)
    assert names["quick_result"].total_params <= 5000
    assert names["best_config"]["architecture"] == "dendritic_simple"


def test_scenarios(guide, tmp_path: Path) -> None:
    write_idx(tmp_path, "FashionMNIST", train=60, test=20)
    names = guide(SCENARIOS, seeds=1, n_epochs=1, verbose=False)
    assert names["result"].total_params <= 8000
    assert len(names["results"]) == 3
    assert names["thorough"].total_params <= 8000
    assert (tmp_path / "sweeps" / "budget_8000_fashion-mnist_results.json").is_file()


def test_command(guide, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_idx(tmp_path, "MNIST", train=60, test=20)
    guide(COMMAND, seeds=1, n_epochs=1, verbose=False)
    assert capsys.readouterr().out.startswith("Best accuracy: 0.")


def test_command_as_a_program_of_its_own(tmp_path: Path) -> None:
    """No guard around the main module is needed: workers are programs, not forks of this one."""
    text = (
        "from hyperparameter_examples import optimize_for_budget\n"
        "result = optimize_for_budget(500, 'digits', 1, n_epochs=1, seeds=1, parallel=1, "
        f"output={str(tmp_path)!r}, save={str(tmp_path / 'found.json')!r}, verbose=False)\n"
        "print(f'Best accuracy: {result.test_accuracy:.3f}')"
    )
    command = [sys.executable, "-c", text]
    done = subprocess.run(
        command, cwd=ROOT / "scripts", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Best accuracy: 0.") and done.stdout.count("\n") == 1


def test_examples_as_a_program_say_what_is_wrong() -> None:
    command = [sys.executable, "hyperparameter_examples.py", "--dataset", "minst"]
    done = subprocess.run(
        command, cwd=ROOT / "scripts", capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "did you mean mnist?" in done.stderr and done.stderr.count("\n") == 1
