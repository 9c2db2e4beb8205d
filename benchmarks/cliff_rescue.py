"""Can growth rescue a network that is too sparse to learn? Digits and real MNIST images.

    python benchmarks/cliff_rescue.py [--only rescue|rates] [--dataset digits|mnist_5k] [--seeds N]

`rescue`: defconfigs/digits-rescue-range and its static controls, as users run them, from 5 to 20 %
density, with one arm more for each way to choose the moments and to pay. On `mnist_5k` the same
files from 2 to 8 % in half of the epochs, without those arms. The rescue ratio of an arm is
(grow - low) / (high - low) of test accuracies: low has the edges of the beginning all along, high
those of the end; `low, longer` does as many operations in more epochs. `rates`: the arm that grows
by gradient with rates of single parts, at three base rates; each strategy is taken at the one with
the best mean on validation, on the digits only. A figure's values are of one seed each; the notes
have means with 95 % intervals, of ratios by a bootstrap over seeds, and of each difference p, by
itself and corrected by Holm for all of its part.
"""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import measuring
import sweeping
from measuring import Figure

from espalier.core.paths import ROOT
from espalier.core.trial import Trial

GROWING = ROOT / "defconfigs" / "digits-rescue-range"
STATIC = ROOT / "defconfigs" / "digits-rescue-static-range"
VARIED = ("CONFIG_PRUNING_METHOD", "CONFIG_GROW_WHERE")
RULES = ("gradient", "random", "extrema")
GRADIENT = "CONFIG_PRUNING_METHOD=grow\nCONFIG_GROW_WHERE=gradient\n"
MORE = {  # arms besides those of the range file
    "variance": "CONFIG_GROWTH_TRIGGER=variance\n",
    "variance, once": "CONFIG_GROWTH_TRIGGER=variance\nCONFIG_GROWTH_EVENTS=1\n",
    "plateau": "CONFIG_GROWTH_TRIGGER=plateau\n",
    "credits": "CONFIG_GROWTH_PAY=credits\n",
}
STRATEGIES = (
    "none|cascade|dual|age|component|growth|warmup|differential|sedimentary|combined"  # that grow
)
BASE_RATES = "0.001|0.004|0.016"
DRAWS = 10_000
Measures = Mapping[str, Any]
Arms = dict[str, dict[str, Measures]]
"""Arm -> seed -> measures."""


@dataclass(frozen=True)
class Bed:
    """Densities on a data set, its epochs, and those in which `low` does as many operations."""

    low: str
    high: str
    epochs: int
    longer: int
    more: Mapping[str, str]  # arms besides those of the range files

    def scale(self, text: str, name: str) -> str:
        """A range file of the digits, for this data set."""
        for symbol, value in {
            "DATASET": name,
            "BLOCKS_DENSITY": f"{self.low}|{self.high}" if "DENSITY=0.05|" in text else self.low,
            "GROW_TO": self.high if "GROW_TO" in text else "",
            "NUM_EPOCHS": f"{self.epochs}|{self.longer}" if "40|118" in text else str(self.epochs),
        }.items():
            lines = text.splitlines(keepends=True)
            kept = [line for line in lines if not line.startswith(f"CONFIG_{symbol}=")]
            text = "".join(kept) + (f"CONFIG_{symbol}={value}\n" if value else "")
        return text


BEDS = {
    "digits": Bed("0.05", "0.2", 40, 118, MORE),
    "mnist_5k": Bed("0.02", "0.08", 20, 59, {}),
}


def without(path: Path, names: Sequence[str]) -> str:
    """A range file's text less the symbols `names`."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(tuple(names)))


def sweeps(part: str, seeds: int, dataset: str = "digits") -> dict[str, str]:
    """The text of each range file of a part, by the name of its sweep."""
    bed = BEDS[dataset]
    many = f"CONFIG_SEED=1:1:{seeds}\n"
    by_gradient = without(GROWING, [*VARIED, "CONFIG_SEED"]) + GRADIENT + many
    if part == "rates":
        rates = f"CONFIG_RATES={STRATEGIES}\nCONFIG_LEARNING_RATE={BASE_RATES}\n"
        return {"rates": by_gradient + rates + "CONFIG_RATES_WARMUP_STEPS=39\n"}
    plain = {"static": STATIC, "growing": GROWING}
    texts = {name: without(path, ["CONFIG_SEED"]) + many for name, path in plain.items()}
    texts |= {name: by_gradient + text for name, text in bed.more.items()}
    return texts if dataset == "digits" else {k: bed.scale(v, dataset) for k, v in texts.items()}


def arms(place: Path, part: str, seeds: int, dataset: str = "digits") -> Arms:
    """What every arm came to; sweeps that are not in `place` are run there."""
    by_arm: Arms = defaultdict(dict)
    for name, text in sweeps(part, seeds, dataset).items():
        folder, file = place / name.replace(", ", "-"), place / "range"
        place.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        own = sweeping.arms(sweeping.once(folder, file), partial(named, name))
        for arm, results in own.items():
            by_arm[arm] |= {seed: result.measures for seed, result in results.items()}
    return by_arm


def named(sweep: str, trial: Trial) -> str:
    """The arm of a trial."""
    config = trial.config
    if sweep == "rates":
        return f"{config['RATES']} {float(config['LEARNING_RATE']):g}"
    if config["PRUNING_METHOD"] == "none":
        bed = BEDS[config.get("DATASET", "digits")]
        size = "low" if config["BLOCKS_DENSITY"] == bed.low else "high"
        return size + ", longer" * (int(config["NUM_EPOCHS"]) > bed.epochs)
    return f"grow, {config['GROW_WHERE'] if sweep == 'growing' else sweep}"


def column(by_arm: Arms, arm: str, measure: str = "test_acc") -> dict[str, float]:
    """A measure by seed."""
    return {
        seed: float(measures[measure])
        for seed, measures in by_arm[arm].items()
        if measure in measures
    }


def minus(by_arm: Arms, arm: str, control: str) -> list[float]:
    """Differences of test accuracies, seed by seed, in points."""
    return sweeping.apart(float, column(by_arm, arm), column(by_arm, control))


def ratio(by_arm: Arms, arm: str, seeds: Sequence[str]) -> float:
    """The rescue ratio of the means over `seeds`."""
    grown, low, high = (
        statistics.fmean(column(by_arm, name)[seed] for seed in seeds)
        for name in (arm, "low", "high")
    )
    return (grown - low) / (high - low)


def ends(by_arm: Arms, arm: str) -> tuple[float, float]:
    """A 95 % interval of the rescue ratio: seeds are drawn anew, in all arms together."""
    dice, seeds = random.Random(1), sorted(by_arm[arm])
    drawn = sorted(ratio(by_arm, arm, dice.choices(seeds, k=len(seeds))) for _ in range(DRAWS))
    return drawn[round(0.025 * DRAWS)], drawn[round(0.975 * DRAWS) - 1]


def rescued(by_arm: Arms, dataset: str) -> Iterator[Figure]:
    """Every arm itself, the rescue ratios, and the arms against each other."""
    bed, named = BEDS[dataset], f"{dataset}: "
    for arm in by_arm:
        yield Figure(named + arm, list(column(by_arm, arm).values()), "%")
    for rule in RULES:
        each = [ratio(by_arm, f"grow, {rule}", [seed]) for seed in by_arm[f"grow, {rule}"]]
        goal = ">= 0.9" if rule == "gradient" else ""
        yield Figure(f"{named}rescue ratio, {rule}", each, "", goal)
    pairs = [("gradient", "grow, random"), ("extrema", "grow, random"), ("gradient", "high")]
    pairs += [("gradient", "low, longer"), *((name, "grow, gradient") for name in bed.more)]
    for arm, control in pairs:
        goal = ">= 1" if (arm, control) == pairs[0] else ""
        paired = minus(by_arm, f"grow, {arm}", control)
        what = f"{named}grow, {arm} - {control}"
        yield Figure(what, paired, "points", goal, f"rescue, {dataset}")


def rescue(place: Path, seeds: int, dataset: str) -> tuple[list[Figure], list[str]]:
    """Figures and notes of the first part."""
    by_arm = arms(place, "rescue", seeds, dataset)
    figures, notes = list(rescued(by_arm, dataset)), []
    for rule in RULES:
        low, high = ends(by_arm, f"grow, {rule}")
        whole = ratio(by_arm, f"grow, {rule}", sorted(by_arm[f"grow, {rule}"]))
        notes.append(
            f"{dataset}: rescue ratio of the means, {rule}: {whole:.3f} ({low:.3f} to {high:.3f})"
        )
    for arm in by_arm:
        edges = sorted({int(measures["live_edges"]) for measures in by_arm[arm].values()})
        shown = f"{edges[0]}" if len(edges) == 1 else f"{edges[0]} to {edges[-1]}"
        events = [measures.get("growth_events", 0) for measures in by_arm[arm].values()]
        notes.append(
            f"{dataset}: {arm}: {shown} edges in the end, {statistics.fmean(events):.1f} events"
        )
    return figures, notes + measuring.summaries([figure for figure in figures if figure.unit])


def best(by_arm: Arms, strategy: str) -> str:
    """The arm of a strategy whose base rate has the best mean on validation."""
    own = [arm for arm in by_arm if arm.split()[0] == strategy]
    return max(own, key=lambda arm: statistics.fmean(column(by_arm, arm, "val_acc").values()))


def rated(by_arm: Arms, chosen: Mapping[str, str]) -> Iterator[Figure]:
    """Each strategy at its best base rate, and against one rate for all."""
    for name, arm in chosen.items():
        yield Figure(f"rates {name}", list(column(by_arm, arm).values()), "%")
        if name != "none":
            against = f"rates {name} - none"
            yield Figure(against, minus(by_arm, arm, chosen["none"]), "points", family="rates")
        drops = list(column(by_arm, arm, "epoch_drop").values())
        goal = "<= 1" if name == "combined" else ""
        yield Figure(f"rates {name}: largest fall an epoch after an event", drops, "points", goal)


def rates(place: Path, seeds: int, dataset: str) -> tuple[list[Figure], list[str]]:
    """Figures and notes of the second part, on the digits only."""
    if dataset != "digits":
        return [], []
    by_arm = arms(place, "rates", seeds)
    names = [name for name in STRATEGIES.split("|") if any(a.split()[0] == name for a in by_arm)]
    chosen = {name: best(by_arm, name) for name in names}
    figures = list(rated(by_arm, chosen))
    singles = [name for name in names if name not in ("none", "combined")]
    means = {
        name: statistics.fmean(column(by_arm, chosen[name], "val_acc").values()) for name in singles
    }
    single = max(means, key=means.__getitem__)
    gap = minus(by_arm, chosen["combined"], chosen[single])
    figures.append(
        Figure(f"rates combined - {single}, the best single one", gap, "points", ">= -.5", "rates")
    )
    jumps = [abs(d) for arm in by_arm for d in column(by_arm, arm, "event_drop").values()]
    figures.append(Figure("largest fall at an event itself, all arms", jumps, "points", "<= 1"))
    notes = ["base rates chosen on validation: " + ", ".join(chosen.values())]
    return figures, notes + measuring.summaries(figures)


PARTS = {"rescue": rescue, "rates": rates}


def main() -> None:
    parser = measuring.of_seeds(__doc__)
    parser.add_argument("--only", choices=PARTS, help="one of the two")
    parser.add_argument("--dataset", choices=BEDS, help="one of the two; both without")
    args = parser.parse_args()
    figures, notes = list[Figure](), list[str]()
    with measuring.place(args) as place:
        for dataset in [args.dataset] if args.dataset else BEDS:
            for name in [args.only] if args.only else PARTS:
                made, said = PARTS[name](place / dataset, args.seeds, dataset)
                figures, notes = figures + made, notes + said
    measuring.tell(args, figures, notes)


if __name__ == "__main__":
    main()
