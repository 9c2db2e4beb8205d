from __future__ import annotations

from pathlib import Path

import pytest
from stored_sweeps import stored
from trial_results import nets, passed, sweep, trial

from espalier.__main__ import run
from espalier.analysis.pareto import Front, by_samples, with_size
from espalier.analysis.rank import Ranking, rank
from espalier.core.errors import UserError
from espalier.core.trial import Trial
from espalier.report.parameter_plots import grouped, plot_parameters


def size_fronts(ranking: Ranking) -> list[Front]:
    return by_samples(ranking, with_size(ranking))


def ends(line: object) -> list[tuple[float, float]]:
    return list(zip(line.get_xdata(), line.get_ydata(), strict=True))


def test_every_seed_is_a_dot_and_the_front_a_staircase() -> None:
    results = nets((100, [70.0, 72.0]), (400, [80.0, 84.0]), (900, [60.0, 60.0]))
    left, right = plot_parameters(size_fronts(rank(results))).axes
    dots, *_, front = left.lines
    assert sorted(ends(dots)) == [
        (100, 70.0),
        (100, 72.0),
        (400, 80.0),
        (400, 84.0),
        (900, 60.0),
        (900, 60.0),
    ]
    assert ends(front) == [(100, 71.0), (400, 82.0)]
    assert sorted(ends(right.lines[0])) == [
        (100, 710.0),
        (400, 205.0),
        (900, pytest.approx(60 / 0.9)),
    ]
    assert left.get_xscale() == "linear" and left.get_legend() is None


def test_a_colour_for_each_model() -> None:
    results = []
    for number, (model, size) in enumerate([("one", 10), ("two", 20), ("one", 3000)], 1):
        item = trial(number, 1, WIDTH=str(number))
        config = {**item.config, "MODEL": model}
        item = Trial(number, item.name, item.id, config, {**item.swept, "MODEL": model})
        results.append(passed(item, 50.0 + number, live_parameters=size))
    fronts = size_fronts(rank(results))
    assert {label: len(group) for label, group in grouped(fronts).items()} == {"one": 2, "two": 1}
    left, _ = plot_parameters(fronts).axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["one", "two"]
    assert left.get_xscale() == "log"


def test_less_of_a_loss_has_no_second_panel() -> None:
    results = nets((100, [2.0]), (200, [1.0]), by="val_loss")
    assert len(plot_parameters(size_fronts(rank(results, "val_loss"))).axes) == 1


@pytest.mark.parametrize("sizes", [(100,), (100, 100), (100, 200, 300)])
def test_picture_of_one_configuration_and_of_several(tmp_path: Path, sizes: tuple[int]) -> None:
    results = nets(*((size, [float(n)]) for n, size in enumerate(sizes)))
    folder = stored(tmp_path / "sweep_1", results)
    picture = tmp_path / "parameters.svg"
    assert run(["sweep-leaderboard", "--dir", str(folder), "--parameters", str(picture)]) == 0
    assert "<!-- live parameters -->" in picture.read_text(encoding="utf-8")


def test_nothing_to_draw(tmp_path: Path) -> None:
    folder = stored(tmp_path / "sweep_1", sweep({"a": [1.0]}))
    with pytest.raises(UserError, match="no ranked trial has the measure live_parameters"):
        run(["sweep-leaderboard", "--dir", str(folder), "--parameters", str(tmp_path / "x.png")])
