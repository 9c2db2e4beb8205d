"""Races: their time and trials against 20 seeds for all, kills, and errors where arms are alike.

    python benchmarks/race.py [--only time] [--kills 20] [--races 200]

* time: the races of two range files with up to 20 seeds and a margin, against the same grids with
  20 seeds, and the share of a race that it takes to decide.
* kill: one race is killed with SIGKILL at random times and gone on with; then another one is.
  Exits 1 unless the decisions are those of an undisturbed race.
* null: races from the command line whose arms are all alike, so that each of them is a best one.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import measuring
import sweeping
from measuring import Figure

from espalier.analysis.race_decisions import RaceStatus
from espalier.core.paths import ROOT
from espalier.report.reports import RACE
from espalier.store.results_dir import STORE
from espalier.store.store import Store

HERE = Path(__file__).parent
RANGES = {"digits": "defconfigs/digits-race-range", "MNIST-5k": "defconfigs/mnist-5k-race-range"}
SEEDS = 20
MARGIN = 0.5  # points of validation accuracy: one sample of 216 is 0.46
ARMS = "0.001|0.002|0.003|0.004|0.005|0.006"
ALIKE_SEEDS = 20
PACE = "0.03"  # seconds that a trial takes that is to be killed
ALPHA = 0.05
TIMED = "import race_timed, runpy; runpy.run_module('espalier', run_name='__main__')"
Outcome = dict[str, Any]
Part = tuple[list[Figure], dict[str, str]]
"""Figures, and texts by name."""


def main() -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part, whose record is its own")
    parser.add_argument("--kills", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--races", type=int, default=200, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the times of the kills")
    args = parser.parse_args()
    figures: list[Figure] = []
    texts: dict[str, str] = {}
    for part in [args.only] if args.only else PARTS:
        own, said = PARTS[part](args)
        figures, texts = figures + own, texts | said
    measuring.tell(args, figures, [f"{what}: {text}" for what, text in texts.items()], texts=texts)
    return int(any(figure.what == "races decided otherwise" and figure.value for figure in figures))


def timed(args: argparse.Namespace) -> Part:
    """Time a race and the grid of all seeds, of each range file."""
    figures: list[Figure] = []
    texts: dict[str, str] = {}
    for name, file in RANGES.items():
        with tempfile.TemporaryDirectory() as folder:
            raced, seconds, deciding = timed_race(Path(folder), file)
            measuring.say(f"{name}: race {seconds:.0f} s, {raced['trials']} trials")
            grid = Path(folder) / "grid"
            grid.mkdir()
            swept = sweeping.sweep(grid, file, f"CONFIG_SEED=1:1:{SEEDS}\n", PARALLEL=2)
            measuring.say(f"{name}: grid {swept.run:.0f} s")
        figures += [
            Figure(f"{name}: race", [seconds], "s"),
            Figure(f"{name}: {SEEDS} seeds for all", [swept.run], "s"),
            Figure(f"{name}: race over {SEEDS} seeds for all, time", [seconds / swept.run], "x"),
            Figure(f"{name}: trials of the race", [raced["trials"]], ""),
            Figure(
                f"{name}: race over {SEEDS} seeds for all, trials",
                [raced["trials"] / raced["trials_of_all_seeds"]],
                "x",
            ),
            Figure(f"{name}: seeds until it ended", [raced["rounds"]], ""),
            Figure(f"{name}: deciding, of the race", [100 * deciding / seconds], "%", "<= 1"),
        ]
        texts[f"{name}: decided"] = decided(raced)
        texts[f"{name}: ahead"] = "; ".join(map(values, leading(raced)))
    return figures, texts


def decided(raced: Outcome) -> str:
    """Return how many configurations came to which status."""
    every = raced["configurations"]
    counts = Counter(each["status"] for each in every)
    parts = [f"{counts[status]} {status}" for status in RaceStatus if counts[status]]
    return f"{', '.join(parts)} of {len(every)}"


def leading(raced: Outcome, number: int = 3) -> list[Outcome]:
    """Return the best configurations of those that are not behind."""
    ahead = [each for each in raced["configurations"] if each["status"] != "behind"]
    return sorted(ahead, key=lambda each: -(each["mean"] or 0.0))[:number]


def timed_race(place: Path, file: str) -> tuple[Outcome, float, float]:
    """Return what a race came to, its seconds, and those that it took to decide."""
    spent = place / "deciding"
    began = time.perf_counter()
    words = [file, "--max-seeds", str(SEEDS), "--margin", str(MARGIN), "--parallel", "2"]
    race(place / "raced", words, RACE_DECIDING=str(spent))
    seconds = time.perf_counter() - began
    return outcome(place / "raced"), seconds, float(spent.read_text(encoding="utf-8"))


def killed(args: argparse.Namespace) -> Part:
    """Kill races at random times; return how many decided otherwise than an undisturbed one."""
    seeded, pauses, kills = random.Random(args.seed), [], 0
    with tempfile.TemporaryDirectory() as folder:
        file = stub_range(Path(folder))
        words = [str(file), "--entry", "race_trial:apart", "--parallel", "2", "--max-seeds", "30"]
        clock = time.perf_counter()
        race(Path(folder) / "calm", words, RACE_SECONDS=PACE)
        whole = time.perf_counter() - clock
        expected = decisions(Path(folder) / "calm")
        measuring.say(f"undisturbed: {whole:.1f} s, {Counter(s for s, *_ in expected.values())}")
        races, otherwise, again = 0, 0, 0
        while kills < args.kills:
            races += 1
            place = Path(folder) / f"disturbed_{races}"
            while kills < args.kills:
                pauses.append(seeded.uniform(0.3, whole))
                if not killed_after(place, words, pauses[-1]):
                    break  # it had ended by then
                kills += 1
            race(place, words, RACE_SECONDS=PACE)
            otherwise += decisions(place) != expected
            again += ran_twice(place)
            measuring.say(f"race {races}: {kills} kills, {otherwise} decided otherwise")
    return [
        Figure("kill -9 of a race", [kills], ""),
        Figure("races that were killed", [races], ""),
        Figure("races decided otherwise", [otherwise], "", "<= 0"),
        Figure("trials that passed twice", [again], "", "<= 0"),
    ], {}


def killed_after(place: Path, words: Sequence[str], seconds: float) -> bool:
    """Start a race and kill its runner; return whether it still ran."""
    runner = begun(place, words, RACE_SECONDS=PACE)
    try:
        runner.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        runner.kill()
        runner.communicate()
        return True
    return False


def level(args: argparse.Namespace) -> Part:
    """Race arms that are alike; return in how many races one of them was called behind."""
    results: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        file = stub_range(Path(folder))
        words = [str(file), "--entry", "race_trial:alike", "--in-process"]
        words += ["--max-seeds", str(ALIKE_SEEDS), "--alpha", str(ALPHA)]
        for number in range(1, args.races + 1):
            place = Path(folder) / f"race_{number}"
            race(place, words, RACE_DRAW=str(number))
            results.append([status for status, *_ in decisions(place).values()])
            if number % 20 == 0:
                measuring.say(f"{number} races: {sum('behind' in each for each in results)} err")
    return list(null_figures(results)), null_texts(results)


def null_figures(results: Sequence[Sequence[str]]) -> Iterator[Figure]:
    """Yield error rates, in percent of races."""
    first = [100.0 * (each[0] == "behind") for each in results]
    every = [100.0 * (status == "behind") for each in results for status in each]
    any_behind = [100.0 * ("behind" in each) for each in results]
    yield Figure("races of equal arms", [len(results)], "")
    limit = f"<= {100 * ALPHA:g}"
    yield Figure("the first arm called behind", [fmean(first)], "% of races", limit)
    yield Figure("an arm called behind, mean over arms", [fmean(every)], "% of races", limit)
    yield Figure("any arm called behind", [fmean(any_behind)], "% of races")
    best = [100.0 * ("best" in each) for each in results]
    yield Figure("a single arm called best", [fmean(best)], "% of races", limit)


def null_texts(results: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return error rates with their 95 % intervals, by what went wrong."""
    counts = {
        "the first arm called behind": sum(each[0] == "behind" for each in results),
        "a single arm called best": sum("best" in each for each in results),
    }
    return {f"interval: {what}": share(count, len(results)) for what, count in counts.items()}


def share(count: int, of: int) -> str:
    """Return `3 of 200 races (0.3 to 4.3 %)`."""
    low, high = (100 * end for end in measuring.share_interval(count, of))
    return f"{count} of {of} races ({low:.1f} to {high:.1f} %)"


def stub_range(place: Path) -> Path:
    """Write the range file of arms that only their entry knows."""
    file = place / "stub-range"
    fixed = "CONFIG_PRUNING_METHOD=none\nCONFIG_DEVICE_CPU=y\nCONFIG_SEED=1|2|3\n"
    file.write_text(f"CONFIG_LEARNING_RATE={ARMS}\n{fixed}", encoding="utf-8")
    return file


def race(place: Path, words: Sequence[str], **variables: str) -> None:
    """Run a race in `place` to its end. Ends the program if it does not come to one."""
    runner = begun(place, words, **variables)
    said, _ = runner.communicate()
    if runner.returncode:
        sys.exit(said)


def begun(place: Path, words: Sequence[str], **variables: str) -> subprocess.Popen[str]:
    """Start a race whose results go to `place`, in a process group of its own."""
    calm = sweeping.calm_environment()
    calm |= {"XDG_CACHE_HOME": f"{place}.cache", "PYTHONPATH": str(HERE), **variables}
    program = ["-c", TIMED] if "RACE_DECIDING" in variables else ["-m", "espalier"]
    return subprocess.Popen(
        [sys.executable, "-P", *program, "race", *words, "--output-dir", str(place)],
        cwd=ROOT,
        env=calm,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
    )


def outcome(place: Path) -> Outcome:
    return dict(json.loads((place / RACE).read_text(encoding="utf-8")))


def decisions(place: Path) -> dict[str, tuple[str, int, int | None]]:
    """Status, seeds and round of each configuration, by its swept values."""
    return {
        values(each): (each["status"], each["seeds"], each["left_in_round"])
        for each in outcome(place)["configurations"]
    }


def values(configuration: Outcome) -> str:
    swept = configuration["swept"].items()
    return ", ".join(f"{name.removeprefix('CONFIG_')}={value}" for name, value in swept)


def ran_twice(place: Path) -> int:
    with Store.open(place / STORE, readonly=True) as store:
        passed = Counter(each.trial for each in store.attempts() if each.status == "passed")
    return sum(count > 1 for count in passed.values())


PARTS = {"time": timed, "kill": killed, "null": level}


if __name__ == "__main__":
    sys.exit(main())
