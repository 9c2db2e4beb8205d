"""Small runs of any optimizer and method, in float64, trained by the loop alone or in packs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from kconfig_values import effective, symbols
from torch import Tensor, nn

from espalier.core import component
from espalier.core.contracts import CannotTrain, LrSchedule, Method, Optimizer, Run
from espalier.core.samples import SampleShape, Split
from espalier.core.self_measuring import Measures
from espalier.core.trial import Record
from espalier.core.trial_config import Config
from espalier.layers.dendrites import wiring
from espalier.layers.dendrites.synapses import Synapses
from espalier.layers.masked_blocks import Blocks
from espalier.models.lenet5 import LeNet5
from espalier.models.mlp import Mlp
from espalier.models.residual import BasicBlock, normed
from espalier.train import loop
from espalier.train.costs.cost_meter import CostMeter
from espalier.train.data.augment import Augmentation
from espalier.train.engine import seeds
from espalier.train.engine.trainer import Recipe, Trainer
from espalier.train.masks.mask_log import MaskLogPlan
from espalier.train.packs.pack import Pack
from espalier.train.packs.step_graphs import StepGraphs

Build = Callable[[], nn.Module]
Values = dict[str, str]

KINDS = {choice: kind for kind, (_, choice) in component.KINDS.items()}

# 200 steps in 20 epochs, in which every mechanism acts: masks change, moments are reset.
BASE = {
    "BATCH_SIZE": "4",
    "NUM_EPOCHS": "20",
    "LEARNING_RATE": "0.01",
    "PRUNING_WARMUP": "20",
    "PRUNING_RAMP_END_EPOCH": "15",
    "PRUNING_FREQUENCY": "17",
    "SPAM_INTERVAL": "40",
    "SPAM_WARMUP_STEPS": "10",
    "SPAM_THETA": "5",
    "STEP_EVERY_EPOCHS": "2",
    "APOPTOSIS_RATE": "0.2",
    "APOPTOSIS_INTERVAL": "40",
    "APOPTOSIS_MATURITY": "25",
    "APOPTOSIS_FUNCTIONAL_PRESERVATION_STEPS": "10",
    "APOPTOSIS_FADE_STEPS": "10",
    "APOPTOSIS_TURNOVER_RATE": "0.1",
    "APOPTOSIS_TURNOVER_INTERVAL": "15",
    "APOPTOSIS_HYBRID_TURNOVER_RATE": "0.2",
    "APOPTOSIS_HYBRID_INTERVAL": "40",
    "APOPTOSIS_CBP_RATE": "0.05",
    "APOPTOSIS_REDO_PERIOD": "16",
    "APOPTOSIS_REDO_THRESHOLD": "0.5",
    "APOPTOSIS_LAYERS_MAX_LIFESPAN": "26",
    "APOPTOSIS_LAYERS_MATURATION": "20",
    "APOPTOSIS_LAYERS_INTERVAL": "7",
    "RESAMPLING_STEPS": "23",
    "DROPLINEAR_STEPS": "19",
    "SPARSE_DENSITY": "0.4",
    "SPARSE_EVERY": "16",
    "GROW_TO": "0.6",
}
CLASSES, SAMPLES = 4, 40


def configured(wishes: Values) -> Values:
    """The effective configuration under `wishes`, those that take.

    Under a model that their method can be chosen with, unless they name one; none of it is built.
    """
    config = effective({"MODEL": "resnet18", **wishes})
    method = config.get("PRUNING_METHOD")
    if wishes.get("PRUNING_METHOD", method) == method:
        return config
    others = (effective({"MODEL": model, **wishes}) for model in ("sparse_mlp", "blocks"))
    return next((c for c in others if c["PRUNING_METHOD"] == wishes["PRUNING_METHOD"]), config)


ALONE = {"soap"}
"""The optimizers whose runs are in no pack."""


def combinations() -> list[Values]:
    """Every optimizer, each kind of it that cannot be mixed, with every method it allows."""
    allowed = []
    for wishes in _products(["OPTIMIZER", "PRUNING_METHOD"]):
        taken = configured(wishes)
        own = [n for n in symbols().shape if n in taken and _is_choice_of(n, wishes)]
        allowed += [c for c in _products(own, wishes) if c.items() <= configured(c).items()]
    return [c for c in allowed if _method_of(c).packable and c["OPTIMIZER"] not in ALONE]


def _products(choices: Sequence[str], start: Values | None = None) -> Iterator[Values]:
    if not choices:
        yield dict(start or {})
        return
    for value in symbols().members(choices[0]):
        yield from _products(choices[1:], {**(start or {}), choices[0]: value})


def _is_choice_of(name: str, wishes: Values) -> bool:
    """Whether a choice is there for some optimizers or methods only."""
    choice = symbols().kind(name) == "choice" and name not in KINDS
    return choice and name not in _always_shown(wishes["PRUNING_METHOD"])


@functools.cache
def _always_shown(method: str) -> set[str]:
    """Return the symbols that every optimizer shows beside a method."""
    wishes = ({"OPTIMIZER": o, "PRUNING_METHOD": method} for o in symbols().members("OPTIMIZER"))
    return set.intersection(*(set(configured(each)) for each in wishes))


def _method_of(wishes: Values) -> type[Method]:
    return component.find("method", wishes["PRUNING_METHOD"], Method)


def varied(wishes: Values, k: int, **more: str) -> Values:
    """The configuration of trial k: all that may differ in a pack does.

    A smaller epsilon would make a rounding error of a gradient near 0 a step of its own.
    """
    calm = {n: "1e-6" for n in symbols().identity if n.endswith("_EPSILON")}
    fixed = {**calm, **BASE, **wishes, **more}
    values = configured(fixed)
    ends = {"NUM_EPOCHS", "EARLY_STOP_PATIENCE"}
    free = [n for n in values if n not in symbols().shape and n not in ends and n not in more]
    return configured({**fixed, **{n: _other(n, values[n], k) for n in free}})


def _other(name: str, value: str, k: int) -> str:
    kind = symbols().kind(name)
    if kind == "choice":
        members = [m for m, item in symbols().members(name).items() if item.visibility]
        return members[(members.index(value) + k) % len(members)]
    if kind == "bool":
        return value if k % 2 == 0 else {"y": "n", "n": "y"}[value]
    if kind == "float":
        return repr(float(value) * 0.8**k or 0.02 * k)
    return str(int(value) + k) if kind == "int" else value


def mlp(width: int = 12) -> nn.Module:
    return Mlp(width, 2).build(SampleShape(1, 4, 4, CLASSES))


def lenet() -> nn.Module:
    """On the smallest images it takes, of 16 pixels a side."""
    return LeNet5().build(SampleShape(1, 16, 16, CLASSES))


class Mean(nn.Module):
    """(n, channels, h, w) -> (n, channels)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def residual() -> nn.Module:
    """The parts of a residual network, as few as there can be."""
    return nn.Sequential(
        normed(1, 4, 3),
        nn.ReLU(),
        BasicBlock(4, 8, 2),
        Mean(),
        nn.Linear(8, CLASSES),
    )


class Beside(nn.Module):
    """x + f(x), normalised before f."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers = nn.LayerNorm(width), nn.Linear(width, 9), nn.GELU(), nn.Linear(9, width)
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.body(x)
        return y


def branching() -> nn.Module:
    """Residual branches, which some methods cannot do without."""
    blocks = (Beside(8) for _ in range(3))
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), *blocks, nn.Linear(8, CLASSES))


def sparse() -> nn.Module:
    """Synapses, which some methods cannot do without."""
    layer = Synapses(16, wiring.random(12, 16, 5, None))
    return nn.Sequential(nn.Flatten(), layer, nn.LeakyReLU(0.1), nn.Linear(12, CLASSES))


def dropping() -> nn.Module:
    layers = [nn.Flatten(), nn.Linear(16, 12), nn.ReLU(), nn.Dropout(0.4), nn.Linear(12, CLASSES)]
    return nn.Sequential(*layers)


def blocks() -> nn.Module:
    """Masked blocks, which methods that grow cannot do without."""
    net = Blocks((16, 12, 10, CLASSES))
    net.draw(0.3)
    return net


SIDES = {mlp: 4, lenet: 16, residual: 6, branching: 4, sparse: 4, dropping: 4, blocks: 4}


@functools.cache
def fits(method: str, build: Build) -> bool:
    """Whether a method can be trained with such a model at all."""
    try:
        trainer(varied({"OPTIMIZER": "adamw", "PRUNING_METHOD": method}, 0), build)
    except CannotTrain:
        return False
    return True


@functools.cache
def split(side: int, samples: int = SAMPLES) -> Split:
    """Random images and labels, float64."""
    generator = torch.Generator().manual_seed(side)
    x = torch.randn(samples, 1, side, side, generator=generator, dtype=torch.float64)
    return Split(x, torch.randint(CLASSES, (samples,), generator=generator))


def trainer(values: Values, build: Build, data: Split | None = None, logs: bool = False) -> Trainer:
    """A run before its first step, in float64, as the entry would prepare it; it may log masks."""
    config = Config(values)
    recipe = component.build(Recipe, config, "")
    seeds.seed_globals(recipe.seed)
    model, data = build().double(), data or split(SIDES[build])
    optimizer = component.select("optimizer", config, Optimizer)
    run = Run(
        model=model,
        optimizer=optimizer.build(model, recipe.learning_rate),
        method=component.select("method", config, Method),
        train=data,
        validation=data,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        generators=seeds.make_generators(recipe.seed, torch.device("cpu")),
        augmentation=component.build(Augmentation, config, "")
        if "AUGMENT_FLIP" in config
        else None,
        costs=CostMeter(),
    )
    MaskLogPlan(enabled=logs).listen(run)
    run.attach()
    schedule = component.select("lr_schedule", config, LrSchedule)
    return Trainer(run, recipe, schedule, debug_checks=True)


@dataclass
class Outcome:
    """What became of a run: the loss of each step, its records, or the error at the end."""

    losses: list[float] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    error: str = ""
    tensors: list[Tensor] = field(default_factory=list)
    mask: Tensor | None = None
    costs: Measures = field(default_factory=dict)


class Watched:
    """A loop's program that writes down each run's losses."""

    def __init__(self, program: loop.Program, outcomes: Sequence[Outcome]) -> None:
        self.program, self.outcomes = program, outcomes

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        losses = self.program.backward(x, y)
        for outcome, loss in zip(self.outcomes, losses.tolist(), strict=True):
            outcome.losses.append(loss)
        return losses

    def update(self) -> None:
        self.program.update()

    def check(self) -> None:
        self.program.check()

    def store_generators(self) -> None:
        self.program.store_generators()


Programs = Callable[..., loop.Program]


def train(trainers: Sequence[Trainer], program: Programs = loop.make_program) -> list[Outcome]:
    """Train all of them together, each to its end, with the real loop."""
    outcomes = {id(each): Outcome() for each in trainers}

    def watched(these: Sequence[Trainer], *rest: Any, **named: Any) -> loop.Program:
        made = program(these, *rest, **named)
        assert isinstance(made, Pack | StepGraphs) == (len(these) > 1)
        return Watched(made, [outcomes[id(each)] for each in these])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "make_program", watched)
        for each, record in loop.Loop(trainers).epochs():
            _note(outcomes[id(each)], each, record)
    return list(outcomes.values())


def _note(outcome: Outcome, each: Trainer, record: Record | loop.DivergedError) -> None:
    run = each.run
    if isinstance(record, loop.DivergedError):
        outcome.error = str(record)
        return
    outcome.records.append({k: v for k, v in record.items() if not k.endswith("seconds")})
    if each.ended:
        held = (*run.model.parameters(), *run.model.buffers())
        outcome.tensors = [tensor.detach().clone() for tensor in held]
        assert run.costs is not None
        outcome.costs = run.costs.measures(run)
        if run.masks is not None:
            outcome.mask = torch.cat([live.flatten() for live in run.masks.live_masks()])


def alone(values: Values, build: Build) -> Outcome:
    (outcome,) = train([trainer(values, build)])
    return outcome


def together(
    values: Sequence[Values], build: Build, program: Programs = loop.make_program
) -> list[Outcome]:
    return train([trainer(each, build) for each in values], program)


@dataclass(frozen=True)
class Gap:
    """The largest differences between two outcomes."""

    loss: float
    weight: float


def gap(outcome: Outcome, other: Outcome) -> Gap:
    """Asserts that what is not a number with rounding errors is equal."""
    assert len(outcome.losses) == len(other.losses)
    assert outcome.error == other.error
    assert len(outcome.records) == len(other.records)
    assert outcome.costs == other.costs
    assert (outcome.mask is None) == (other.mask is None)
    assert outcome.mask is None or torch.equal(outcome.mask, other.mask)  # type: ignore[arg-type]
    pairs = zip(outcome.tensors, other.tensors, strict=True)
    weights = [float((a.double() - b.double()).abs().max()) for a, b in pairs]
    return Gap(_apart(outcome.losses, other.losses), max([0.0, *weights]))


def _apart(losses: Sequence[float], others: Sequence[float]) -> float:
    ours, theirs = (torch.tensor(values, dtype=torch.float64) for values in (losses, others))
    return float((ours - theirs).abs()[ours.isfinite() | theirs.isfinite()].max())


def assert_same(outcome: Outcome, other: Outcome) -> Gap:
    """The gate: losses of every step within 1e-10, final weights within 1e-6, the same masks.

    Where a gradient is near 0, as that of twins that cancel, Adam makes an error of a weight of it
    that is larger by the rate over epsilon, here 10,000 times.
    """
    apart = gap(outcome, other)
    assert apart.loss <= 1e-10
    assert apart.weight <= 1e-6
    return apart
