"""`seed-finder`: from a range file to a table, one or two at a time, and gone on with."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from espalier.__main__ import main
from espalier.commands.seed_finder import PORTFOLIO
from espalier.core.errors import UserError
from espalier.plan import planning
from espalier.search import halving, seed_plan, seed_report
from espalier.search.halving import CandidateScore, HalvingResult, judge
from espalier.search.learning import Bar, SeedScore
from espalier.search.search_runs import Means
from espalier.search.seed_plan import CandidateTrainer
from espalier.train.checkpoints.model_loading import load_model

SETTINGS = {
    "MODEL": "blocks",
    "BLOCKS_SIZES": '""',
    "BLOCKS_DENSITY": "0.01|1",
    "OPTIMIZER_SELECT_ADAM": "y",
    "LEARNING_RATE": "0.01",
    "NUM_EPOCHS": "4",
    "SEED": "1|2|3",
}
SMALL, LARGE = ((("BLOCKS_DENSITY", density),) for density in ("0.01", "1"))


def file(folder: Path, **changes: str) -> Path:
    path = folder / "seeds-range"
    lines = {**SETTINGS, **changes}.items()
    path.write_text("".join(f"CONFIG_{name}={value}\n" for name, value in lines), encoding="utf-8")
    return path


def test_candidates_are_trained_for_as_long_as_a_rung_says(tmp_path: Path) -> None:
    space = seed_plan.read(file(tmp_path))
    assert space.candidates == [SMALL, LARGE] and space.epochs == 4
    plan = space.plan([LARGE], 1)
    assert [trial.config["SEED"] for trial in plan.trials] == ["1", "2", "3"]
    assert {trial.config["NUM_EPOCHS"] for trial in plan.trials} == {"1"}
    assert [trial.name for trial in plan.trials] == ["config_001", "config_002", "config_003"]
    assert plan.plan_id != space.plan([LARGE], 2).plan_id != space.plan([SMALL], 2).plan_id


def test_weights_are_kept_of_networks_for_images(tmp_path: Path) -> None:
    """A saved model is verified by samples, which text has none of."""
    text = "CONFIG_DATASET=text\nCONFIG_MODEL=charlm\nCONFIG_CHARLM_LAYERS=1|2\nCONFIG_SEED=1|2|3\n"
    (tmp_path / "text-range").write_text(text, encoding="utf-8")
    assert not seed_plan.read(tmp_path / "text-range").can_keep_weights
    assert seed_plan.read(file(tmp_path)).can_keep_weights


def test_what_trials_say_is_what_is_judged(tmp_path: Path) -> None:
    means = Means(results=tmp_path / "results", verbose=False, in_process=True)
    train = CandidateTrainer(seed_plan.read(file(tmp_path)), means)
    small, large = train([SMALL, LARGE], 4)
    assert (small.size, large.size) == (round(0.01 * 640), 640)
    assert train.size == "live_edges"
    assert len(large.draws) == 3 and not large.lost
    assert large.draws[0].samples == 216 and large.draws[0].majority == pytest.approx(22 / 216)
    assert large.accuracy > 0.5 > small.accuracy
    assert len(large.test) == 3
    again = train([SMALL, LARGE], 4)  # nothing is trained twice
    assert again == [small, large] and train.folders[0] == train.folders[1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SEED": "1|2"}, "CONFIG_SEED: must have 3 values or more, as in 1|2|3|4|5"),
        ({"NUM_EPOCHS": "2|4"}, "CONFIG_NUM_EPOCHS: must have one value"),
        ({"BLOCKS_DENSITY": "1"}, "varies nothing but seeds"),
    ],
)
def test_a_range_file_that_is_no_space_is_one_line(
    tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(UserError, match=said.replace("|", r"\|")):
        seed_plan.read(file(tmp_path, **changes))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--margin", "few"], "--margin few: must be a number above 0 and below 100"),
        (["--alpha", "1"], "--alpha 1: must be a number above 0 and below 1"),
        (["--dataset", "digit"], "--dataset:1: CONFIG_DATASET=digit: no such member; did you mean"),
        (["no-such-range"], "no-such-range: no such range file"),
    ],
)
def test_a_mistake_is_one_line(
    capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["seed-finder", *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and said in err and err.count("\n") == 1


def texts(folder: Path) -> dict[str, str]:
    """The texts that a search left, by name."""
    (place,) = folder.glob("seeds_*")
    return {
        name: (place / name).read_text(encoding="utf-8")
        for name in ("seeds.json", "seeds.csv", "seeds.txt")
    }


def test_one_or_two_at_a_time_find_the_same_and_a_finished_search_is_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["seed-finder", str(file(tmp_path, PACK="1")), "--rungs", "1"]
    single, two = tmp_path / "one", tmp_path / "two"
    assert main([*arguments, "--output-dir", str(single), "--parallel", "1"]) == 0
    assert main([*arguments, "--output-dir", str(two), "--parallel", "2"]) == 0
    first = texts(single)
    assert first == texts(two)
    sweeps = sorted(single.glob("sweep_*"))
    assert main([*arguments, "--output-dir", str(single)]) == 0
    assert sorted(single.glob("sweep_*")) == sweeps and texts(single) == first
    record = json.loads(first["seeds.json"])
    assert record["smallest"]["candidate"] == {"BLOCKS_DENSITY": "1"}
    assert record["smallest"]["size"] == 640 and record["smallest"]["p"] < 0.01
    assert record["next_smaller"]["learns"] is False and record["next_smaller"]["epochs"] == 4
    out = capsys.readouterr().out
    assert "smallest that learns: BLOCKS_DENSITY=1: 640 live edges" in out
    (winner,) = single.glob("seeds_*/smallest-range")
    assert out.splitlines()[-1] == f"make sweep RANGE_CONFIG={winner}"
    again = planning.plan_from_files([winner])
    assert [trial.config["SEED"] for trial in again.trials] == ["1", "2", "3"]
    assert {trial.config["BLOCKS_DENSITY"] for trial in again.trials} == {"1"}
    weights = [line.removeprefix("weights: ") for line in out.splitlines() if "model.pt" in line]
    models = [load_model(path) for path in weights[-3:]]
    assert [dict(loaded.config) for loaded in models] == [dict(t.config) for t in again.trials]


def made() -> HalvingResult:
    def score(density: str, size: float, accuracy: float, epochs: int = 4) -> CandidateScore:
        draws = tuple(SeedScore(accuracy + e, 0.1, 1000) for e in (-0.01, 0.0, 0.01))
        return CandidateScore((("DENSITY", density),), epochs, size, draws, (0.25, 0.5, 0.75))

    bad = CandidateScore((("DENSITY", "2"),), 4, float("inf"), (), (), "diverged in epoch 1")
    scores = [score("0.1", 10, 0.1), score("0.2", 20, 0.8), score("0.5", 50, 0.7), bad]
    return judge([*scores, score("1", 100, 0.9, 2)], 4, Bar())


def nothing_learns() -> HalvingResult:
    return judge([single for single in made().every if single.size in (10, 100)], 4, Bar())


@pytest.mark.parametrize(("name", "result"), [("winner", made), ("nothing", nothing_learns)])
def test_text(
    name: str, result: Callable[[], HalvingResult], golden: Callable[[str, str], None]
) -> None:
    golden(f"seeds_{name}", seed_report.render_seeds(result(), "live_edges"))


def test_json_and_csv_hold_the_same_rows() -> None:
    result = made()
    record = seed_report.as_json(result, "live_edges")
    json.dumps(record, allow_nan=False)
    rows = list(csv.DictReader(seed_report.as_csv(result).splitlines()))
    assert [row["CONFIG_DENSITY"] for row in rows] == ["0.1", "0.2", "0.5", "1", "2"]
    assert [row["front"] for row in rows] == ["True", "True", "False", "False", "False"]
    assert [float(row["accuracy"]) for row in rows] == [
        single["accuracy"] for single in record["candidates"]
    ]
    assert record["tests"] == 5 and record["test_accuracies"] == [0.25, 0.5, 0.75]


def test_where_nothing_learns_there_is_no_smallest() -> None:
    assert seed_report.as_json(nothing_learns(), "live_edges")["smallest"] is None


def test_the_portfolio_is_a_space() -> None:
    space = seed_plan.read(Path(PORTFOLIO))
    assert len(space.candidates) == 35
    assert halving.epochs(space.epochs, 4) == [5, 10, 20, 40]
