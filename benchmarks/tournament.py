"""Does a tournament find what a network lacks? A planted bottleneck, a saturated network, images.

    python benchmarks/tournament.py [--only PART] [--seeds 10] [--keep FOLDER]

Sweeps through the command line, as a user runs them. *Bottleneck*: a dense network of 32, 2 and 32
units; its one tournament, half-way, should lead past the two units or give them company; with
skips forbidden, company is all there is. *Saturated*: a dense network of 64 and 64 units; doing
nothing should win. *Ranks*: each action of a tournament is done for good in a run of its own and
trained for ten more epochs; Spearman's correlation, over the actions, of what the trial said they
were worth for each edge and what they then were in validation loss, one value a seed. *Digits*: as
defconfigs/digits-tournament-range says, test accuracy paired by seed; *mnist_5k*: the same at 2 %
density in half of the epochs. The arms end with different numbers of edges, and trials are updates
too, of new edges alone: `none, longer` trains without growth for three times the epochs. Notes have
p of each difference, by itself and corrected by Holm for those of the data set.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import measuring
import sweeping
from measuring import Figure
from scipy.stats import spearmanr

from espalier.core.contracts import Run
from espalier.core.paths import ROOT
from espalier.core.trial import Result, Task, Trial
from espalier.methods.growth.action_tournament import TournamentEntry, apply
from espalier.methods.growth.tournament import TABLE, Tournament
from espalier.plan import planning
from espalier.train import worker_entry
from espalier.train.engine.evaluation import evaluate_model
from espalier.train.loop import Loop

RANGE = ROOT / "defconfigs" / "digits-tournament-range"
ONE = """
CONFIG_PRUNING_METHOD=tournament
CONFIG_TOURNAMENT_PICK=best
CONFIG_GROWTH_EVENTS=1
CONFIG_BLOCKS_DENSITY=1
CONFIG_GROWTH_STOP=0.5
CONFIG_NUM_EPOCHS=60
"""
NARROW = 2  # the node of the planted bottleneck
SKIPS = {"y": "skips allowed", "n": "no skips, trials of 100 updates"}
JUDGES = ("information", "loss")
LONGER = 3  # times the epochs
EPOCHS = {"digits": 40, "mnist_5k": 20}
SMALLER = """CONFIG_DATASET=mnist_5k
CONFIG_BLOCKS_DENSITY=0.02
"""
GRAFTED = 10  # epochs after an action was done for good


def won(place: Path) -> Iterator[tuple[dict[str, str], str, str]]:
    """Each trial's configuration with the winner's action and place; both empty: nothing won."""
    for trial, _ in sweeping.results(place):
        (folder,) = (place / sweeping.RESULTS).glob(f"{trial.name}_*")
        with (folder / TABLE).open(newline="", encoding="utf-8") as file:
            lines = [line for line in csv.DictReader(file) if line["won"] == "1"]
        action, where = (lines[0]["action"], lines[0]["where"]) if lines else ("", "")
        yield trial.config, action, where


def at_bottleneck(action: str, where: str) -> bool:
    """Whether an action gives the narrow node company, or leads past it."""
    if action in ("widen", "insert"):
        return where == str(NARROW)
    if action != "skip":
        return False
    i, j = map(int, where.split("_"))
    return i < NARROW < j


def planted(place: Path, seeds: int) -> Iterator[Figure]:
    """How often the tournament goes to the bottleneck."""
    for skips, words in SKIPS.items():
        also = ONE + f'CONFIG_SEED=1:1:{seeds}\nCONFIG_BLOCKS_SIZES="32,2,32"\n'
        also += f"CONFIG_TOURNAMENT_SKIPS={skips}\n"
        also += "CONFIG_TOURNAMENT_STEPS=100\n" if skips == "n" else ""
        here = sweeping.once(place / f"narrow-{skips}", RANGE, also)
        for judge in JUDGES:
            winners = [a for c, *a in won(here) if c["TOURNAMENT_JUDGE"] == judge]
            hits = [100.0 * at_bottleneck(*winner) for winner in winners]
            share = [sum(hits) / len(hits)]
            goal = ">= 90" if judge == "information" and skips == "y" else ""
            yield Figure(f"bottleneck found by {judge}, {words}, of {len(hits)}", share, "%", goal)


def saturated(place: Path, seeds: int) -> Iterator[Figure]:
    """How often nothing wins where nothing is missing."""
    also = ONE + f'CONFIG_SEED=1:1:{seeds}\nCONFIG_BLOCKS_SIZES="64,64"\n'
    here = sweeping.once(place / "saturated", RANGE, also)
    for judge in JUDGES:
        winners = [a for c, *a in won(here) if c["TOURNAMENT_JUDGE"] == judge]
        share = [100.0 * sum(action == "" for action, _ in winners) / len(winners)]
        goal = ">= 90" if judge == "information" else ""
        yield Figure(f"saturated, nothing wins by {judge}, of {len(winners)}", share, "%", goal)


@dataclass(frozen=True)
class Grafted(Tournament):
    """Does the action of number `choice` for good, or none, whatever the trials say."""

    choice: int | None = None

    def act(self, run: Run, max_edges: int) -> None:
        """All entrants stay in memory."""
        assert self.options is not None
        entrants = self.options.try_all(run, self.actions.candidates(run, max_edges))
        vars(run.method_state.memory)["tried"] = entrants
        if self.choice is not None:
            apply(run, entrants[self.choice])


def ranks(place: Path, seeds: int) -> Iterator[Figure]:
    """How well trials foretell what actions are worth."""
    place.mkdir(parents=True, exist_ok=True)
    for judge in JUDGES:
        values = [_correlation(place, judge, seed) for seed in range(1, seeds + 1)]
        goal = ">= 0.5" if judge == "information" else ""
        yield Figure(f"Spearman of worth by {judge} and worth after", values, "", goal)


def _correlation(place: Path, judge: str, seed: int) -> float:
    loss, entrants = _trained(place, judge, seed, None)
    after = [_trained(place, judge, seed, number)[0] for number in range(len(entrants))]
    real = [(loss - new_loss) / e.added for new_loss, e in zip(after, entrants, strict=True)]
    correlation = float(spearmanr([e.worth for e in entrants], real).statistic)
    measuring.say(f"{judge}, seed {seed}: {correlation:.2f}")
    return correlation


def _trained(
    place: Path, judge: str, seed: int, choice: int | None
) -> tuple[float, Sequence[TournamentEntry]]:
    """The validation loss in the end, and who took part."""
    text = ONE.replace("DENSITY=1", "DENSITY=0.05").replace("STOP=0.5", "STOP=0.75")
    text = text.replace("EPOCHS=60", f"EPOCHS={4 * GRAFTED}")
    file = place / "also-range"
    file.write_text(
        text + f"CONFIG_SEED={seed}\nCONFIG_TOURNAMENT_JUDGE={judge}\n", encoding="utf-8"
    )
    plan = planning.plan_from_files([RANGE, file])
    task = Task.single(plan.trials[0], plan.settings, place)
    trainer, _ = worker_entry.prepare(task)
    run = trainer.run
    assert isinstance(run.method, Tournament)
    run.method = Grafted(**vars(run.method), choice=choice)
    for _ in Loop([trainer]).epochs():
        pass
    return evaluate_model(run.model.eval(), run.validation)[0], vars(run.method_state.memory)[
        "tried"
    ]


def images(place: Path, dataset: str, seeds: int) -> Iterator[Figure]:
    """Every arm of the range file, and what the tournament gains over the others."""
    here, arms = place / dataset, compared(place, dataset, seeds)
    for arm, results in arms.items():
        accuracies = list(map(sweeping.test_accuracy, results.values()))
        yield Figure(f"{dataset}: {arm}", accuracies, "%")
        live = [float(result.measures["live_parameters"]) for result in results.values()]
        yield Figure(f"{dataset}: {arm}: live parameters", live, "")
        for control in ("none", "none, longer", "tournament, random"):
            if arm.startswith("tournament, best"):
                paired = sweeping.apart(sweeping.test_accuracy, results, arms[control])
                yield Figure(f"{dataset}: {arm} - {control}", paired, "points", family=dataset)
    yield Figure(f"{dataset}: updates of trials in a run of a tournament", tried(here), "")


def compared(place: Path, dataset: str, seeds: int) -> dict[str, dict[str, Result]]:
    """What the seeds of each arm of the range file came to, and of its control of equal budget."""
    base = f"CONFIG_SEED=1:1:{seeds}\n" + (SMALLER if dataset == "mnist_5k" else "")
    epochs = EPOCHS[dataset]
    here = sweeping.once(place / dataset, RANGE, f"{base}CONFIG_NUM_EPOCHS={epochs}\n")
    file = place / "longer-range"
    file.write_text(plain_text(), encoding="utf-8")
    more = f"{base}CONFIG_NUM_EPOCHS={LONGER * epochs}\n"
    longer = sweeping.once(place / f"{dataset}-longer", file, more)
    return {**sweeping.arms(here, named), **sweeping.arms(longer, lambda _: "none, longer")}


def plain_text() -> str:
    """The range file without growth and seeds."""
    prefixes = tuple(f"CONFIG_{name}" for name in ("PRUNING", "TOURNAMENT", "GROWTH", "SEED"))
    lines = RANGE.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(prefixes))


def tried(place: Path) -> list[float]:
    """Of each run that tries actions, the updates in which it tried them."""
    updates = []
    for trial, _ in sweeping.results(place):
        if trial.config.get("TOURNAMENT_PICK") == "best":
            (folder,) = (place / sweeping.RESULTS).glob(f"{trial.name}_*")
            with (folder / TABLE).open(newline="", encoding="utf-8") as file:
                actions = sum(1 for _ in csv.DictReader(file))
            updates.append(float(actions * int(trial.config["TOURNAMENT_STEPS"])))
    return updates


def named(trial: Trial) -> str:
    """The arm of a trial."""
    names = ("PRUNING_METHOD", "TOURNAMENT_PICK", "TOURNAMENT_JUDGE")
    return ", ".join(trial.config[name] for name in names if name in trial.config)


PARTS: dict[str, Callable[[Path, int], Iterator[Figure]]] = {
    "planted": planted,
    "saturated": saturated,
    "digits": lambda place, seeds: images(place, "digits", seeds),
    "mnist_5k": lambda place, seeds: images(place, "mnist_5k", seeds),
    "ranks": lambda place, seeds: ranks(place / "ranks", seeds // 2),
}


def main() -> None:
    parser = measuring.of_seeds(__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part; all without")
    args = parser.parse_args()
    with measuring.place(args) as place:
        names = [args.only] if args.only else PARTS
        made = [figure for name in names for figure in PARTS[name](place, args.seeds)]
    measuring.tell(args, made, measuring.summaries(made))


if __name__ == "__main__":
    main()
