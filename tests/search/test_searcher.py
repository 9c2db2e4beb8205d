"""A search is a sweep of the one runner, and what it says is what the store holds."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from own_data import write_npz
from small_files import write_idx

from espalier import HyperparameterSearcher, load_results
from espalier.core.errors import UserError
from espalier.search.search_results import SearchResult
from espalier.store.results_dir import STORE
from espalier.store.store import Store

GRID = {
    "n_neurons": [8, 10],
    "n_dendrites": [4],
    "n_dendrite_inputs": [12, 16, 40],
    "soma_enabled": [True, False],
}
QUICK = {"n_epochs": 2, "lr": 0.01, "batch_size": 50, "seeds": 2, "in_process": True}


def searcher(folder: Path, **options) -> HyperparameterSearcher:
    """On digits, for at most 1,000 parameters unless `options` say otherwise."""
    given = {
        **QUICK,
        "max_params": 1000,
        "min_param_ratio": 0.8,
        "output": folder,
        "verbose": False,
        **options,
    }
    return HyperparameterSearcher("digits", **given)


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> tuple[HyperparameterSearcher, list[SearchResult], Path]:
    folder = tmp_path_factory.mktemp("search")
    made = searcher(folder)
    return made, made.grid_search(GRID), folder


def stores(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*/{STORE}"))


def test_results_are_means_over_seeds_best_first(searched) -> None:
    _, ranked, folder = searched
    # with somas 162 + 32 I parameters for 8 neurons and 200 + 40 I for 10, 800 to 1000 of them
    assert [(item.params["n_neurons"], item.total_params) for item in ranked] == [(10, 840)]
    (path,) = stores(folder)
    with Store.open(path, readonly=True) as store:
        results = [result for _, result, _ in store.final_results()]
    accuracies = [result.measures["val_acc"] / 100 for result in results]
    (item,) = ranked
    assert item.val_accuracy == pytest.approx(sum(accuracies) / 2)
    assert item.val_std == pytest.approx(abs(accuracies[0] - accuracies[1]) / 2**0.5)
    assert item.train_accuracy == pytest.approx(
        sum(result.measures["train_acc"] for result in results) / 200
    )
    assert item.test_accuracy == pytest.approx(
        sum(result.measures["test_acc"] for result in results) / 200
    )
    assert [result.measures["parameters"] for result in results] == [840, 840]
    assert (item.seeds, item.status, item.reason) == ([1, 2], "passed", "")


def test_the_folder_is_that_of_any_sweep(searched) -> None:
    _, _, folder = searched
    (path,) = stores(folder)
    names = {item.name for item in path.parent.iterdir()}
    assert {"sweep_analysis.txt", "sweep_summary.json"} <= names
    summary = json.loads((path.parent / "sweep_summary.json").read_text(encoding="utf-8"))
    assert {(item["CONFIG_SEED"], item["status"]) for item in summary} == {
        (1, "passed"),
        (2, "passed"),
    }


def test_what_does_not_fit_is_told(searched) -> None:
    made, _, _ = searched
    assert made.left_out == [
        "2 left out: more than 1000 parameters",
        "6 left out: fewer than 800 parameters",
    ]


def test_the_same_search_goes_on_with_its_sweep(tmp_path: Path) -> None:
    first = searcher(tmp_path, seeds=1).grid_search({"n_dendrite_inputs": [10]})
    again = searcher(tmp_path, seeds=1).grid_search({"n_dendrite_inputs": [10]})
    assert again == first
    assert len(stores(tmp_path)) == 1
    searcher(tmp_path, seeds=1, new=True).grid_search({"n_dendrite_inputs": [10]})
    assert len(stores(tmp_path)) == 2


def test_grids_may_leave_different_things_at_their_defaults(tmp_path: Path) -> None:
    made = searcher(tmp_path, seeds=1, min_param_ratio=0)
    small = {"n_dendrites": [2], "n_dendrite_inputs": [4]}
    results = made.grid_search([{**small, "n_neurons": [5], "weight_decay": [0.1]}, small])
    by_size = {item.total_params: item.params for item in results}
    assert by_size == {
        5 * 2 * 6 + 5 + 60: {"n_dendrites": 2, "n_dendrite_inputs": 4}
        | {"n_neurons": 5, "weight_decay": 0.1},
        10 * 2 * 6 + 10 + 110: {"n_dendrites": 2, "n_dendrite_inputs": 4},
    }


def test_history_has_everything_once_and_a_search_only_its_own(tmp_path: Path) -> None:
    made = searcher(tmp_path, seeds=1, min_param_ratio=0)
    first = made.grid_search({"n_dendrite_inputs": [4, 5]})
    second = made.grid_search({"n_dendrite_inputs": [5, 6], "n_neurons": [10]})  # 10: default
    assert {item.params["n_dendrite_inputs"] for item in first} == {4, 5}
    assert {item.params["n_dendrite_inputs"] for item in second} == {5, 6}
    best = made.get_best_results(5)
    assert sorted(item.params["n_dendrite_inputs"] for item in best) == [4, 5, 6]
    scores = [item.val_accuracy for item in best]
    assert scores == sorted(scores, reverse=True)
    assert made.get_best_results(1) == best[:1]


def test_max_trials_counts_configurations_and_chooses_with_a_seed(tmp_path: Path) -> None:
    grid = {"n_dendrite_inputs": list(range(1, 10))}
    made = [searcher(tmp_path, sampler_seed=s, seeds=[3], min_param_ratio=0) for s in (0, 0, 1)]
    results = [
        sorted(item.params["n_dendrite_inputs"] for item in each.grid_search(grid, max_trials=2))
        for each in made
    ]
    assert results[0] == results[1] != results[2]
    assert [len(each) for each in results] == [2, 2, 2]


def test_seeds_of_a_space_repeat_every_configuration(tmp_path: Path) -> None:
    made = searcher(tmp_path)
    (listed,) = made.grid_search({"n_dendrite_inputs": [10], "seed": [42, 7]})
    assert listed.seeds == [42, 7]
    assert "seed" not in listed.params
    (drawn,) = made.random_search({"n_dendrite_inputs": 10, "seed": (1, 10000)}, n_trials=1)
    assert len(set(drawn.seeds)) == 2
    assert made.get_best_results() == [drawn]


def test_random_search_trains_what_it_draws(tmp_path: Path) -> None:
    space = {"n_neurons": (4, 12), "n_dendrites": (2, 8), "n_dendrite_inputs": (4, 64)}
    results = searcher(tmp_path, seeds=1).random_search(space, n_trials=3)
    assert len(results) == 3
    assert all(800 <= item.total_params <= 1000 for item in results)


def test_a_configuration_that_would_be_refused_is_left_out_with_its_reason(tmp_path: Path) -> None:
    made = searcher(tmp_path, seeds=1)
    grid = {
        "n_dendrite_inputs": [10],
        "synaptic_resampling": [True, False],
        "steps_to_resample": [100000],
    }
    (passed,) = made.grid_search(grid)
    assert passed.params == {"n_dendrite_inputs": 10, "synaptic_resampling": False}
    (line,) = made.left_out
    assert line.startswith("1 left out: no resampling would come before step ")
    assert made.failures == []
    with pytest.raises(
        UserError, match="no configuration of the space can be trained: no resampling"
    ):
        made.grid_search({**grid, "synaptic_resampling": [True]})


def test_resampling_without_somas(tmp_path: Path) -> None:
    grid = {
        "n_dendrites": [15],
        "n_dendrite_inputs": [48],
        "soma_enabled": [False],
        "synaptic_resampling": [True],
        "steps_to_resample": [5],
    }
    (item,) = searcher(tmp_path, seeds=1).grid_search(grid)
    assert item.total_params == 15 * 48 + 15 + 15 * 10 + 10


def test_silent_means_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = searcher(tmp_path, seeds=1)
    made.grid_search({"n_dendrite_inputs": [10, 40]})
    made.save_results(tmp_path / "found.json")
    assert capfd.readouterr().out == ""
    made.print_results()
    out = capfd.readouterr().out
    assert "n_dendrite_inputs=10" in out
    assert "1 left out: more than 1000 parameters" in out


def test_talking_means_the_runner_talks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    searcher(tmp_path, seeds=1, verbose=True).grid_search({"n_dendrite_inputs": [10]})
    out = capsys.readouterr().out
    assert "grid search: 1 of 1 feasible configurations" in out
    assert "[1/1] config_001 passed" in out


def test_in_a_thread_with_workers(tmp_path: Path) -> None:
    """As a notebook may run it; nothing is asked of the script that searches."""
    results: list[SearchResult] = []
    made = searcher(tmp_path, seeds=1, in_process=False, parallel=1)
    thread = threading.Thread(
        target=lambda: results.extend(made.grid_search({"n_dendrite_inputs": [10]}))
    )
    thread.start()
    thread.join()
    assert [item.status for item in results] == ["passed"]


def test_saved_results_come_back_as_they_were(searched, tmp_path: Path) -> None:
    made, results, _ = searched
    made.save_results(tmp_path / "found.json")
    saved = load_results(tmp_path / "found.json")
    assert saved.trials == results
    assert (saved.version, saved.dataset, saved.seeds) == (1, "digits", [1, 2])
    assert saved.budget == {"max_params": 1000, "min_param_ratio": 0.8}
    assert saved.split == {
        "VALIDATION_FRACTION": "0.15",
        "SPLIT_SEED": "0",
        "TRAIN_SUBSET": "0",
    }
    assert saved.data_fingerprint
    assert saved.left_out == made.left_out
    (record,) = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["trials"]
    guides = ["params", "test_accuracy", "train_accuracy", "total_params", "train_time"]
    assert list(record)[:6] == [*guides, "final_test_loss"]


def test_counts_without_training(tmp_path: Path) -> None:
    made = searcher(tmp_path, max_params=8000)
    sizes = {"n_neurons": 12, "n_dendrites": 6, "n_dendrite_inputs": 64, "soma_enabled": True}
    assert made.estimate_params(sizes) == 12 * 6 * 64 + 2 * 72 + 12 + 130
    del sizes["soma_enabled"]  # never there
    assert made.estimate_params(**sizes, architecture="soma_disabled") == (
        6 * 64 + 6 + 6 * 12 + 12 + 12 * 10 + 10
    )
    assert made.is_valid_config({**sizes, "n_neurons": 18})
    assert not made.is_valid_config(sizes)  # 4,894 are less than 6,400
    assert not made.is_valid_config({**sizes, "n_neurons": 40})
    assert not made.is_valid_config({**sizes, "n_dendrite_inputs": 65})
    assert not stores(tmp_path)


def test_data_of_ones_own_are_searched(tmp_path: Path) -> None:
    """Their files say how large a sample is and how many classes there are."""
    write_npz(tmp_path / "own data.npz")  # 8x8 pixels, 4 classes
    given = {**QUICK, "output": tmp_path, "verbose": False, "max_params": 400, "seeds": 1}
    files = {"data_dir": tmp_path, "settings": {"NPZ_FILE": "own data.npz"}}
    made = HyperparameterSearcher("npz", **given, **files)
    (small,) = made.grid_search({"architecture": "mlp", "MLP_WIDTH": [5, 9], "MLP_LAYERS": 1})
    assert small.total_params == 64 * 5 + 5 + 5 * 4 + 4  # with 9 there are 625
    assert made.left_out == ["1 left out: more than 400 parameters"]


def test_missing_data_of_ones_own_are_one_line(tmp_path: Path) -> None:
    made = HyperparameterSearcher("npz", data_dir=tmp_path, settings={"NPZ_FILE": "no.npz"})
    with pytest.raises(UserError, match=r"no\.npz"):
        made.grid_search({"architecture": "mlp", "MLP_WIDTH": [5]})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_classes": 7}, "n_classes=7: data set digits has 10"),
        ({"seeds": 0}, "seeds=0: must be an integer above 0"),
        ({"seeds": [-1]}, "must be a number of them, or a list of integers from 0"),
        ({"seeds": 2.5}, "seeds=2.5: must be a number of them, or a list of integers from 0"),
        ({"min_param_ratio": 2}, "parameter min_param_ratio=2: must be in [0, 1]"),
        ({"lr": 0}, "parameter lr=0: must be in (0, 100]"),
        ({"settings": {"NOTHING": 1}}, "parameter NOTHING: no such parameter or symbol"),
    ],
)
def test_a_bad_argument_is_one_line(tmp_path: Path, options, said: str) -> None:
    with pytest.raises(UserError) as error:
        searcher(tmp_path, **options)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"max_params": [500]}, "is the same for all that is compared; give it to the searcher"),
        ({"PARALLEL": [1]}, "changes no result; give it in settings="),
        ({"n_neurons": (3, 5)}, "a grid takes lists; see random_search"),
        ({"n_dendrite_inputs": [1]}, "no configuration has 800 to 1000 parameters"),
        ([{"n_neurons": [9]}, {"n_neurons": [2]}], "the space reaches 248 to 1081"),
        ({"n_dendrite_inputs": [65]}, "the data allow n_dendrite_inputs at most 64"),
    ],
)
def test_a_bad_grid_is_one_line(tmp_path: Path, space, said: str) -> None:
    with pytest.raises(UserError) as error:
        searcher(tmp_path).grid_search(space)
    assert said in str(error.value)
    assert not stores(tmp_path)


def test_an_unknown_data_set_is_one_line() -> None:
    with pytest.raises(UserError, match="did you mean fashion_mnist?"):
        HyperparameterSearcher("fashon-mnist")


def test_missing_files_are_one_line(tmp_path: Path) -> None:
    made = HyperparameterSearcher(output=tmp_path, data_dir=tmp_path, verbose=False, **QUICK)
    with pytest.raises(UserError, match="no such file; give settings="):
        made.grid_search({"n_dendrite_inputs": [120]})


def test_labels_that_mean_nothing_cannot_be_learnt(tmp_path: Path) -> None:
    """The winner's accuracy is measured on samples that it was not fitted to."""
    write_idx(tmp_path, "FashionMNIST", train=2000, test=100)  # noise, labels in turn
    made = HyperparameterSearcher(
        **{**QUICK, "n_epochs": 6},
        max_params=2000,
        output=tmp_path,
        data_dir=tmp_path,
        verbose=False,
        settings={"DATA_VERIFY": False},
    )
    space = {"n_neurons": (4, 10), "n_dendrites": (2, 6), "n_dendrite_inputs": (8, 200)}
    results = made.random_search(space, n_trials=6)
    assert len(results) == 6
    # 300 validation samples and 2 seeds: the best of 6 means by chance is near .12
    assert results[0].val_accuracy is not None and results[0].val_accuracy <= 0.2
