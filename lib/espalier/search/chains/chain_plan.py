"""Growth from the smallest network that learns: the sweep, and what its trials came to.

Every seed grows from the weights that the seed finder left for it, and a second time from fresh
weights of the same network: the control that says what the start was worth. Within a trial the
growing method trains until validation stands still, looks for units that stand out, enlarges the
network without changing what it computes, and goes on, to its budget of edges.

Source: StructureNet's "multi-scale bootstrapping from a minimal viable seed".
Differs: every scale is a moment of growth of one trial, so that nothing learnt is drawn anew; what
the start is worth is measured by paired seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from espalier.analysis.confidence import Interval, interval
from espalier.analysis.multiple_tests import corrected
from espalier.analysis.rank import TrialResult
from espalier.core.errors import UserError
from espalier.core.trial import REPETITION, Trial
from espalier.kconfig import range_file, tree
from espalier.kconfig.range_file import Setting
from espalier.kconfig.symbols import Symbols
from espalier.plan import planning
from espalier.plan.outside_files.weights_file import FILE
from espalier.plan.plan import Plan
from espalier.search.seed_plan import SEED, CandidateSpace, keep_trials

SCORES = ("val_acc", "test_acc")

Growth = tuple[tuple[str, str], ...]
"""What the range file of growth sweeps, and the values of an arm."""


@dataclass(frozen=True)
class ChainArm:
    """The trials of one way of growing from one kind of weights, a seed each."""

    growth: Growth
    is_trained: bool  # begins with the weights of the seed finder, else with fresh ones
    trials: Mapping[str, TrialResult]  # by seed

    def values(self, measure: str) -> dict[str, float]:
        """Return a final number of the trials that passed and have it, by seed."""
        numbers = {seed: item.measure(measure) for seed, item in self.trials.items()}
        return {seed: value for seed, value in numbers.items() if value is not None}


@dataclass(frozen=True)
class StartEffect:
    """What trained weights were worth beside fresh ones, over paired seeds; p is Holm's."""

    growth: Growth
    measure: str
    difference: Interval | None
    p: float | None


def check_growth(space: CandidateSpace, growth: Path, over: Sequence[Setting]) -> None:
    """Raise UserError if the range file `growth` could not go on from candidates of `space`.

    Its settings are planned with those of the first candidate; nothing is trained.
    """
    for setting in range_file.read(growth):
        if setting.symbol in (*REPETITION, FILE):
            raise setting.error("leave it out: seeds and weights are those of the smallest network")
    if not space.can_keep_weights:
        rule = "only networks of images that stay the same leave weights to grow from"
        raise UserError(f"{space.file}: {rule} (docs/weights.md)")
    first = [
        range_file.assign(name, range_file.quote(text), str(space.file))
        for name, text in space.candidates[0]
    ]
    files, settings = [space.file, growth], [*space.over, *over, *first]
    planning.plan_from_files(files, symbols=Symbols(tree.parse()), over=settings)


def plan_growth(
    smallest: Path,
    weights: Mapping[str, Path],
    growth: Path,
    over: Sequence[Setting],
    symbols: Symbols,
) -> Plan:
    """Plan growth of the network in the range file `smallest`, from `weights` by seed.

    `growth` is the range file that says how; its settings go before those of `smallest`, and `over`
    before both. Raises UserError.
    """
    files = {seed: str(path.absolute()) for seed, path in weights.items()}
    values = "|".join(map(range_file.quote, ["", *files.values()]))
    starts = range_file.assign(FILE, values, "the chain")
    whole = planning.plan_from_files([smallest, growth], symbols=symbols, over=[*over, starts])
    own = {"", *files.values()}
    kept = keep_trials(whole, symbols, lambda trial: _is_of_seed(trial, files))
    lost = own - {trial.config.get(FILE, "") for trial in kept.trials}
    if lost:
        rule = "must let every seed begin with its weights; its method may not start from a file"
        raise UserError(f"{growth}: {rule}")
    return replace(kept, assignments=None)


def _is_of_seed(trial: Trial, files: Mapping[str, str]) -> bool:
    """Return whether a trial has fresh weights, or those of its own seed."""
    return trial.config.get(FILE, "") in ("", files.get(trial.config[SEED]))


def arms(results: Sequence[TrialResult], axes: Sequence[str]) -> list[ChainArm]:
    """Return the arms in plan order; `axes` are the symbols that the plan varies."""
    names = [name for name in axes if name not in (*REPETITION, FILE)]
    groups: dict[tuple[Growth, bool], dict[str, TrialResult]] = {}
    for item in sorted(results, key=lambda item: item.trial.number):
        config = item.trial.config
        growth = tuple((name, config[name]) for name in names if name in config)
        groups.setdefault((growth, bool(config.get(FILE))), {})[item.seed] = item
    return [ChainArm(*key, trials) for key, trials in groups.items()]


def start_effects(every: Sequence[ChainArm]) -> list[StartEffect]:
    """Return, for each way of growing and each of SCORES, trained minus fresh weights.

    Corrected by Holm for all ways of growing, each score by itself.
    """
    trained = {arm.growth: arm for arm in every if arm.is_trained}
    pairs = {arm.growth: (trained[arm.growth], arm) for arm in every if not arm.is_trained}
    effects = []
    for measure in SCORES:
        differences = {key: _difference(*pair, measure) for key, pair in pairs.items()}
        p_values = corrected(differences)
        effects += [
            StartEffect(key, measure, each, p_values.get(key)) for key, each in differences.items()
        ]
    return effects


def _difference(first: ChainArm, second: ChainArm, measure: str) -> Interval | None:
    ours, theirs = first.values(measure), second.values(measure)
    return interval([ours[seed] - theirs[seed] for seed in ours if seed in theirs])
