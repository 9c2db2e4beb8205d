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

from collections.abc import Iterator, Mapping
from pathlib import Path

import apoptosis_table
import measuring
import sweeping
from apoptosis_table import Scenario, Scores
from measuring import Figure

from espalier.core.paths import ROOT

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


def renewed(name: str, by_arm: Scores) -> Iterator[Figure]:
    """Yield how many neurons each arm renewed, a value a seed."""
    for (method, how), seeds in by_arm.items():
        for count in RENEWED:
            if values := [measures[count] for measures in seeds.values() if count in measures]:
                yield Figure(f"{name}, renewed: {method} by {how}", values, "neurons")


def swept(place: Path, name: str) -> None:
    """Run the range file of a scenario."""
    sweeping.sweep(place, ROOT / "defconfigs" / SCENARIOS[name].range_file)


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--only", choices=SCENARIOS, help="one of the two")
    parser.add_argument("--keep", type=Path, help="sweeps there are read, others stay there")
    args = parser.parse_args()
    figures: list[Figure] = []
    with measuring.place(args) as kept:
        for name, place in sweeping.each(kept, [args.only] if args.only else SCENARIOS, swept):
            by_arm = apoptosis_table.scores(place, arm)
            compared = apoptosis_table.compared(name, SCENARIOS[name], by_arm)
            figures += [*compared, *renewed(name, by_arm)]
    measuring.tell(args, figures, measuring.summaries(figures, places=4))


if __name__ == "__main__":
    main()
