"""Samplers at equal trials: how far the best that they found is from the best there is.

    python benchmarks/sampler_regret.py [--only tables|digits|same|conditional] [--seeds 20]
        [--picture docs/figures/sampler-regret.png]

* tables: searches of recorded grids (sampler_tables.py), told one result after the other; the
  Gaussian process, which takes a second for a proposal, with few seeds.
* digits: sweeps of digits over intervals, from the command line; the best there is is the best of
  all of them.
* same: how many proposals on a plain space are those of Optuna's own loop.
* conditional: how many proposals of Optuna are no trial where it is asked for every axis, and what
  it finds so.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import measuring
import sweeping
from measuring import Figure
from sampler_tables import BY, NAMES, RecordedTable, naive_choice

from espalier.core.texts.count_text import count_text
from espalier.core.trial import Result, Status
from espalier.kconfig import range_file, requests, tree
from espalier.kconfig.symbols import Symbols
from espalier.plan.expand import Config, identity
from espalier.plan.samplers.axes import AxisKind
from espalier.plan.samplers.cmaes import Cmaes
from espalier.plan.samplers.gp import Gp
from espalier.plan.samplers.model_based.model_sampler import ModelSampler
from espalier.plan.samplers.model_based.proposal_records import ProposalRecord, SamplerRecord
from espalier.plan.samplers.model_based.proposer import Values
from espalier.plan.samplers.model_based.search_study import ask_seed
from espalier.plan.samplers.nsga2 import Nsga2
from espalier.plan.samplers.random import Random
from espalier.plan.samplers.sobol import Sobol
from espalier.plan.samplers.space import Space
from espalier.plan.samplers.tpe import Tpe

TRIALS = 40
SHOWN = (10, 20, 40)
"""After so many trials."""
FEW = {"gp": 5}
"""Seeds of those that take long."""
DIGITS = """\
CONFIG_DATASET=digits
CONFIG_MODEL=mlp
CONFIG_MLP_WIDTH=32
CONFIG_NUM_EPOCHS=3
CONFIG_OPTIMIZER=sgd|adamw
CONFIG_LEARNING_RATE=0.0001~*1
CONFIG_BATCH_SIZE=16~*128
CONFIG_SGD_MOMENTUM=0~0.99
CONFIG_ADAMW_WEIGHT_DECAY=0.001~*1
CONFIG_RANK_BY=val_loss
"""
PLAIN = "CONFIG_LEARNING_RATE=0.0001~*1\nCONFIG_MLP_WIDTH=8~*256\nCONFIG_BATCH_SIZE=16|32|64\n"
Curve = list[float]
"""The least loss after each trial."""
Part = tuple[list[Figure], list[str]]


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part, whose record is its own")
    parser.add_argument("--seeds", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--picture", type=Path, help="draw the curves of tables or digits there")
    args = parser.parse_args()
    figures: list[Figure] = []
    notes: list[str] = []
    for part in [args.only] if args.only else PARTS:
        own, said = PARTS[part](args)
        figures, notes = figures + own, notes + said
    measuring.tell(args, figures, [*measuring.summaries(figures, 3), *notes])


def model(name: str, seed: int, by: str = BY) -> ModelSampler:
    """A sampler that learns, as it is by default."""
    usual = {"trials": TRIALS, "seed": seed, "batch": 1, "by": by}
    if name == "nsga2":
        return Nsga2(**usual, population=20)
    return {"tpe": Tpe, "gp": Gp, "cmaes": Cmaes}[name](**usual, startup=10)


class Search:
    """A search of a space that is told each result before the next proposal."""

    def __init__(
        self, sampler: ModelSampler, space: Space, score: Callable[[Config], Values]
    ) -> None:
        """Nothing has been asked."""
        record = SamplerRecord(sampler=sampler.name, seed=sampler.seed, trials=sampler.trials)
        self.configs: dict[str, Config] = {}
        self.proposer = sampler.proposer(space, record, self._result)
        self._score = score

    def run(self, trials: int) -> list[Config]:
        """Return that many configurations, fewer if the space has no more."""
        last: list[ProposalRecord] = []
        while len(self.configs) < trials and (made := self.proposer.propose(1, last)):
            self.configs[identity(made[0])] = made[0]
            last = [self.proposer.record.proposals[-1]]
        return list(self.configs.values())

    @property
    def refused(self) -> float:
        """The share of asks, in percent, whose configuration is no trial."""
        return 100 * self.proposer.record.refused / self.proposer.record.asks

    def _result(self, proposal: ProposalRecord) -> Values:
        return self._score(self.configs[proposal.trial])


def tables(args: argparse.Namespace) -> Part:
    """Search the recorded tables."""
    figures: list[Figure] = []
    every: dict[str, dict[str, list[Curve]]] = {}
    for table in map(RecordedTable, NAMES):
        curves: dict[str, list[Curve]] = {}
        for name in ("random", "sobol", "tpe", "gp"):
            seeds = min(args.seeds, FEW.get(name, args.seeds))
            curves[name] = [regret(table, searched(table, name, seed)) for seed in range(seeds)]
            measuring.say(f"{table.name}: {name}")
        figures += compared(table.name, curves)
        every[table.name] = curves
    if args.picture:
        draw(every, args.picture)
    sizes = [
        f"{t.name}: {count_text(len(t.scores), 'configuration')}" for t in map(RecordedTable, NAMES)
    ]
    return figures, sizes


def searched(table: RecordedTable, name: str, seed: int) -> list[Config]:
    """Return the configurations that a sampler trains, in their order."""
    if name in ("random", "sobol"):
        return drawn(table, {"random": Random, "sobol": Sobol}[name](trials=TRIALS, seed=seed))

    return search_of(table, name, seed).run(TRIALS)


def search_of(table: RecordedTable, name: str, seed: int) -> Search:
    """Return a search of a table by a sampler that learns."""

    def score(config: Config) -> Values:
        seen = table.score(config)
        return None if seen is None else [seen]

    return Search(model(name, seed), table.space, score)


def drawn(table: RecordedTable, sampler: Any) -> list[Config]:
    """Return what is drawn beforehand; from a list that is in the order of the plan."""
    every = sampler.sample(table.symbols, table.requested, 10 * TRIALS, False).configs.values()
    first = next(iter(every))["SEED"]
    configs = [config for config in every if config["SEED"] == first]
    if isinstance(sampler, Random):
        random.Random(sampler.seed).shuffle(configs)
    return configs


def regret(table: RecordedTable, configs: Sequence[Config]) -> Curve:
    """Return how much the best so far is above the best of the table, after each trial."""
    scores = [table.score(config) for config in configs]
    return above(table.best, [math.inf if score is None else score for score in scores])


def above(best: float, scores: Sequence[float]) -> Curve:
    """Return how much the least score so far is above the best."""
    return [score - best for score in accumulate(scores, min)]


def compared(what: str, curves: Mapping[str, Sequence[Curve]]) -> list[Figure]:
    """Return the regrets, and what is left of a random search's at its end."""
    figures = [
        Figure(f"{what}: {name} after {trials}", [curve[trials - 1] for curve in runs], "nats")
        for name, runs in curves.items()
        for trials in SHOWN
    ]
    for name, runs in curves.items():
        if name != "random":
            pairs = zip(runs, curves["random"], strict=False)
            less = [own[TRIALS - 1] - other[TRIALS - 1] for own, other in pairs]
            figures.append(Figure(f"{what}: {name} - random", less, "nats", family=what))
    return figures


def digits(args: argparse.Namespace) -> Part:
    """Run whole sweeps."""
    losses: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "digits-range"
        file.write_text(DIGITS, encoding="utf-8")
        for seed in range(args.seeds):
            for name in ("random", "sobol", "tpe"):
                also = f"CONFIG_SAMPLER={name}\nCONFIG_SAMPLER_TRIALS={TRIALS}\n"
                place = Path(folder) / f"{name}_{seed}"
                place.mkdir()
                also = f"{also}CONFIG_SAMPLER_SEED={seed}\n"
                swept = sweeping.sweep(place, file, also, PARALLEL=2)
                losses.setdefault(name, []).append([loss(r) for _, r in swept.results()])
                measuring.say(f"{place.name}: {min(losses[name][-1]):.4f} in {swept.whole:.1f} s")
    best = min(each for runs in losses.values() for run in runs for each in run)
    curves = {name: [above(best, run) for run in runs] for name, runs in losses.items()}
    if args.picture:
        draw({"digits": curves}, args.picture)
    return compared("digits", curves), [f"digits: the best of all {best:.4f}"]


def loss(result: Result) -> float:
    """Return the validation loss of a trial, without end if it did not pass."""
    seen = result.measures.get(BY)
    passed = result.status is Status.PASSED and isinstance(seen, float)
    return seen if passed else math.inf


def same(args: argparse.Namespace) -> Part:
    """Ask for the proposals on a plain space, of our sweeps and of Optuna's own loop."""
    symbols = Symbols(tree.parse())
    space = Space(symbols, requests.from_settings(symbols, range_file.parse(PLAIN, "plain")))
    figures = []
    for name in ("tpe", "nsga2", "cmaes", "gp"):
        by = "val_loss,live_parameters" if name == "nsga2" else BY
        seeds = min(args.seeds, FEW.get(name, args.seeds))
        seen = [in_common(model(name, seed, by), space) for seed in range(seeds)]
        shares = [100 * alike / of for alike, of in seen]
        figures.append(Figure(f"{name}: proposals of Optuna's own loop", shares, "%", ">= 100"))
        figures.append(Figure(f"{name}: proposals until a repeat", [of for _, of in seen], ""))
        measuring.say(f"same: {name}")
    return figures, []


def in_common(sampler: ModelSampler, space: Space) -> tuple[int, int]:
    """Return how many proposals are those of Optuna's own loop, and of how many.

    They count up to the first configuration that Optuna proposes a second time.
    """
    theirs, configs = own_loop(sampler, space)
    search = Search(sampler, space, lambda config: hills(sampler, config))
    search.run(TRIALS)
    ours = [
        {name: value for name, (value, _) in each.params.items()}
        for each in search.proposer.record.proposals
    ]
    until = next((n for n, each in enumerate(configs) if each in configs[:n]), len(configs))
    return sum(a == b for a, b in zip(ours[:until], theirs[:until], strict=False)), until


def own_loop(sampler: ModelSampler, space: Space) -> tuple[list[dict[str, Any]], list[Config]]:
    """Return what Optuna's own loop proposes, its generators seeded for each ask.

    Once with all digits, once as a trial has it.
    """
    import optuna

    configs = []
    study = optuna.create_study(directions=sampler.directions)
    for ask in range(TRIALS):
        study.sampler = sampler.make(ask_seed(sampler.seed, ask))
        trial = study.ask()
        config = {}
        for axis in space.axes:
            span = axis.options
            if axis.kind is AxisKind.ORDERED:
                config[axis.name] = span[trial.suggest_int(axis.name, 0, len(span) - 1)]
            elif axis.kind is AxisKind.INTEGER:
                number = trial.suggest_int(axis.name, int(span.low), int(span.high), log=span.log)
                config[axis.name] = span.nearest(number)
            else:
                low, high = float(span.low), float(span.high)
                number = trial.suggest_float(axis.name, low, high, log=span.log)
                config[axis.name] = span.nearest(number)
        study.tell(trial, hills(sampler, config))
        configs.append(config)
    return [trial.params for trial in study.trials], configs


def hills(sampler: ModelSampler, config: Config) -> list[float]:
    """Return a score with a best place, and a second measure if there are two."""
    away = (math.log10(float(config["LEARNING_RATE"])) + 2) ** 2
    away += math.log2(int(config["MLP_WIDTH"]) / 64) ** 2 / 4 + int(config["BATCH_SIZE"]) / 64
    return [away, float(config["MLP_WIDTH"])][: len(sampler.directions)]


def conditional(args: argparse.Namespace) -> Part:
    """Ask Optuna for every axis of a conditional table, whatever depends on what."""
    table = RecordedTable("digits_pruning")
    shares, naive, ours, own = [], [], [], []
    for seed in range(args.seeds):
        invalid, losses = asked_for_all(table, seed)
        shares.append(100 * invalid / TRIALS)
        naive.append(above(table.best, losses)[-1])
        search = search_of(table, "tpe", seed)
        ours.append(regret(table, search.run(TRIALS))[-1])
        own.append(search.refused)
    less = [a - b for a, b in zip(ours, naive, strict=True)]
    return [
        Figure("naive: proposals that are no trial", shares, "%"),
        Figure("ours: proposals that are no trial", own, "%", "<= 0"),
        Figure(f"naive: regret after {TRIALS}", naive, "nats"),
        Figure("ours - naive", less, "nats", family="conditional"),
    ], []


def asked_for_all(table: RecordedTable, seed: int) -> tuple[int, list[float]]:
    """Return how many proposals of TPE are no trial, and the loss of each."""
    import optuna

    study = optuna.create_study(sampler=model("tpe", seed).make(seed))
    invalid, losses = 0, []
    for _ in range(TRIALS):
        trial = study.ask()
        chosen = {a.name: trial.suggest_categorical(a.name, a.options) for a in table.space.axes}
        refused: list[str] = []
        completion = table.space.complete(naive_choice(chosen, refused))
        score = None if refused or completion.why else table.score(completion.config)
        invalid += bool(refused or completion.why)
        losses.append(math.inf if score is None else score)
        state = optuna.trial.TrialState.FAIL if score is None else None
        study.tell(trial, score, state=state)
    return invalid, losses


def draw(every: Mapping[str, Mapping[str, Sequence[Curve]]], file: Path) -> None:
    """Draw the mean regret over the seeds, a panel for each table."""
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=(3.4 * len(every), 3.0), dpi=130, layout="constrained")
    panels = picture.subplots(1, len(every), squeeze=False)[0]
    for panel, (what, curves) in zip(panels, every.items(), strict=True):
        for name, runs in curves.items():
            means = [sum(values) / len(values) for values in zip(*runs, strict=True)]
            panel.plot(range(1, len(means) + 1), means, label=f"{name} ({len(runs)} seeds)")
        panel.set(title=what.replace("_", " "), xlabel="configurations", yscale="log")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("validation loss above the best (nats)")
    panels[0].legend(frameon=False)
    picture.savefig(file)


PARTS = {"tables": tables, "digits": digits, "same": same, "conditional": conditional}

if __name__ == "__main__":
    main()
