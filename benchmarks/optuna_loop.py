"""Our proposals beside those of Optuna's own loop: on a plain space, and on a conditional one.

On the plain one its generators are seeded for each ask as ours are, and proposals should be the
same. On the conditional one it is asked for every axis, whatever depends on what.
"""

from __future__ import annotations

import argparse
import math
from typing import Any

import measuring
from measuring import Figure
from sampler_searches import TRIALS, Search, above, losses, model, regret, search_of, seeds_of
from sampler_tables import BY, RecordedTable, naive_choice

from espalier.kconfig import range_file, requests, tree
from espalier.kconfig.symbols import Symbols
from espalier.plan.expand import Config
from espalier.plan.samplers.model_based.model_sampler import ModelSampler
from espalier.plan.samplers.model_based.parameters import suggest
from espalier.plan.samplers.model_based.search_study import ask_seed
from espalier.plan.samplers.space import Space

PLAIN = "CONFIG_LEARNING_RATE=0.0001~*1\nCONFIG_MLP_WIDTH=8~*256\nCONFIG_BATCH_SIZE=16|32|64\n"


def same(args: argparse.Namespace) -> tuple[list[Figure], list[str]]:
    """Ask for the proposals on a plain space, of our sweeps and of Optuna's own loop."""
    symbols = Symbols(tree.parse())
    space = Space(symbols, requests.from_settings(symbols, range_file.parse(PLAIN, "plain")))
    figures = []
    for name in ("tpe", "nsga2", "cmaes", "gp"):
        by = "val_loss,live_parameters" if name == "nsga2" else BY
        seen = [in_common(model(name, seed, by), space) for seed in seeds_of(name, args)]
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
    ours = [each.values for each in search.proposer.record.proposals]
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
        config = {axis.name: suggest(trial, axis, axis.options) for axis in space.axes}
        study.tell(trial, hills(sampler, config))
        configs.append(config)
    return [trial.params for trial in study.trials], configs


def hills(sampler: ModelSampler, config: Config) -> list[float]:
    """Return a score with a best place, and a second measure if there are two."""
    away = (math.log10(float(config["LEARNING_RATE"])) + 2) ** 2
    away += math.log2(int(config["MLP_WIDTH"]) / 64) ** 2 / 4 + int(config["BATCH_SIZE"]) / 64
    return [away, float(config["MLP_WIDTH"])][: len(sampler.directions)]


def conditional(args: argparse.Namespace) -> tuple[list[Figure], list[str]]:
    """Ask Optuna for every axis of a conditional table, whatever depends on what."""
    table = RecordedTable("digits_pruning")
    shares, naive, ours, own = [], [], [], []
    for seed in range(args.seeds):
        invalid, scores = asked_for_all(table, seed)
        shares.append(100 * invalid / TRIALS)
        naive.append(above(table.best, losses(scores))[-1])
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


def asked_for_all(table: RecordedTable, seed: int) -> tuple[int, list[float | None]]:
    """Return how many proposals of TPE are no trial, and the score of each."""
    import optuna

    study = optuna.create_study(sampler=model("tpe", seed).make(seed))
    invalid, scores = 0, []
    for _ in range(TRIALS):
        trial = study.ask()
        chosen = {a.name: trial.suggest_categorical(a.name, a.options) for a in table.space.axes}
        refused: list[str] = []
        completion = table.space.complete(naive_choice(chosen, refused))
        score = None if refused or completion.why else table.score(completion.config)
        invalid += bool(refused or completion.why)
        scores.append(score)
        state = optuna.trial.TrialState.FAIL if score is None else None
        study.tell(trial, score, state=state)
    return invalid, scores
