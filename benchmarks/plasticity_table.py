"""What keeps a network plastic? Rivals against plain training and against random victims, paired.

    python benchmarks/plasticity_table.py [--only gradual|abrupt] [--keep FOLDER]

Runs two range files as users do, tasks of permuted pixels on 5,000 images of MNIST:
`plasticity-gradual-range`, in which a fifth of the pixels changes places from task to task, and
`plasticity-abrupt-range`, in which all do. A figure's values are differences of validation
accuracies at the ends of tasks, one a seed: an arm minus its control after equal updates. Random
victims are as many as the rule renews: under continual backpropagation exactly, under the others
as many as the rule counts in the network as it then is; the figures have how many neurons each arm
renewed. The notes have means with 95 % t-intervals, and p, by itself and corrected by Holm for all
comparisons of that measure. Shrinking without noise is weight decay.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import apoptosis_table
import measuring
import sweeping
from apoptosis_table import Scenario, Scores
from measuring import Figure

from espalier.core.paths import ROOT
from espalier.core.trial import Status

MEASURES = ["mean_val_acc", "last_tasks_acc"]
SCENARIOS = {
    name: Scenario(f"plasticity-{name}-range", MEASURES, "%") for name in ("gradual", "abrupt")
}
RENEWED = ("births", "resets")


def arm(config: Mapping[str, str]) -> tuple[str, str]:
    """Return the method of a trial, and who its victims or how large its noise is, if it has any.

    Rules are called `rule`, as `apoptosis_table.compared` looks for `random` beside them.
    """
    method = config["PRUNING_METHOD"]
    victims = config.get("APOPTOSIS_VICTIMS", config.get("SNR_VICTIMS", ""))
    noise = config.get("SHRINK_PERTURB_NOISE", "")
    return method, victims.replace("silent", "rule") or (noise and f"noise {noise}")


def scores(place: Path) -> Scores:
    """Return the measures of the trials that passed."""
    by_arm: Scores = {}
    for trial, result in sweeping.results(place):
        if result.status is not Status.PASSED:
            measuring.say(f"{trial.name} {result.status}: {result.message}")
            continue
        by_arm.setdefault(arm(trial.config), {})[trial.config["SEED"]] = result.measures
    return by_arm


def renewed(name: str, by_arm: Scores) -> Iterator[Figure]:
    """Yield how many neurons each arm renewed, a value a seed."""
    for (method, how), seeds in by_arm.items():
        for count in RENEWED:
            if values := [measures[count] for measures in seeds.values() if count in measures]:
                yield Figure(f"{name}, renewed: {method} by {how}", values, "neurons")


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--only", choices=SCENARIOS, help="one of the two")
    parser.add_argument("--keep", type=Path, help="sweeps there are read, others stay there")
    args = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in [args.only] if args.only else SCENARIOS:
            scenario, place = SCENARIOS[name], (args.keep or Path(folder)) / name
            place.mkdir(parents=True, exist_ok=True)
            if not sweeping.attempts(place):
                sweeping.sweep(place, ROOT / "defconfigs" / scenario.range_file)
            by_arm = scores(place)
            figures += [*apoptosis_table.compared(name, scenario, by_arm), *renewed(name, by_arm)]
            measuring.say(f"{name}: {len(sweeping.results(place))} trials")
    measuring.tell(args, figures, measuring.summaries(figures, places=4))


if __name__ == "__main__":
    main()
