"""Packs against runs alone: the same numbers, whoever else is in the pack and whoever leaves it."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import packing
import pytest
import torch
from covering import rest_nightly
from cuda_tensor import CudaTensor
from packing import Build, Outcome, Values
from torch import Tensor, nn

from espalier.core import component
from espalier.core.contracts import Method
from espalier.layers.folded import CannotPack
from espalier.optimizers.stacked import Stack, stack_optimizers
from espalier.train import loop
from espalier.train.engine.single_program import SingleProgram
from espalier.train.engine.trainer import Trainer
from espalier.train.packs.pack import Pack

COMBINATIONS = packing.combinations()
PLAIN: Values = {"OPTIMIZER": "adamw", "PRUNING_METHOD": "magnitude"}
RAMP = {"PRUNING_RAMP_END_EPOCH": "15"}  # within the shortest run
SHORTER = {"NUM_EPOCHS": "12", "PRUNING_RAMP_END_EPOCH": "9"}  # every mechanism acts twice or more
BUILDS = {packing.mlp: 4, packing.lenet: 3, packing.residual: 3}  # with how many trials

UNPACKABLE = {
    name
    for name in component.names("method")
    if not component.find("method", name, Method).packable
}


def cases() -> list[tuple[Values, Build]]:
    """Every combination with each of the models, or else with one that its method can do with."""
    pairs = []
    for wishes in COMBINATIONS:
        method = wishes["PRUNING_METHOD"]
        fitting = [b for b in BUILDS if packing.fits(method, b)]
        others = [b for b in (packing.branching, packing.sparse) if packing.fits(method, b)]
        pairs += [(wishes, build) for build in fitting or others]
    return pairs


def parts(wishes: Values, build: Build) -> list[tuple[str, ...]]:
    """Every method is to be packed, and every optimizer and kind of it with each model."""
    optimizer = (value for name, value in wishes.items() if name != "PRUNING_METHOD")
    method = (wishes["PRUNING_METHOD"],)
    return [method, (*optimizer, build.__name__)] if build in BUILDS else [method]


def name_of(part: Values | Build) -> str:
    return "-".join(part.values()) if isinstance(part, dict) else part.__name__


def test_every_optimizer_and_every_method_takes_part() -> None:
    tree = packing.symbols()
    for choice in ("OPTIMIZER", "PRUNING_METHOD", "ADAMWPRUNE_BASE"):
        possible = {m for m in tree.members(choice) if m not in UNPACKABLE | packing.ALONE}
        assert {c[choice] for c in COMBINATIONS if choice in c} == possible


def test_trials_of_a_pack_differ_in_all_that_may_differ() -> None:
    configs = [packing.varied(COMBINATIONS[-1], k) for k in range(4)]
    tree = packing.symbols()
    for name in set(configs[0]) - set(tree.shape) - {"NUM_EPOCHS", "EARLY_STOP_PATIENCE"}:
        choice = tree.kind(name) == "choice"
        if choice and sum(m.visibility > 0 for m in tree.members(name).values()) == 1:
            continue  # with that model there is one way only
        assert len({config.get(name) for config in configs}) > 1, name


@pytest.mark.parametrize(("wishes", "build"), rest_nightly(cases(), parts), ids=name_of)
def test_120_steps_in_a_pack_are_120_steps_alone(wishes: Values, build: Build) -> None:
    values = [packing.varied(wishes, k, **SHORTER) for k in range(BUILDS.get(build, 3))]
    outcomes = packing.together(values, build)
    for each, outcome in zip(values, outcomes, strict=True):
        assert len(outcome.losses) == 120
        packing.assert_same(outcome, packing.alone(each, build))


class OnADevice(Pack):
    """A pack that computes as on a GPU: grouped convolutions and one update of all optimizers."""

    def backward(self, x: Tensor, y: Tensor) -> Tensor:
        return super().backward(x.as_subclass(CudaTensor), y).as_subclass(Tensor)

    def verify(self, x: Tensor) -> None:
        super().verify(x.as_subclass(Tensor))


def stack_updates(*optimizers_and_tensors: Any) -> Stack:
    step = stack_optimizers(*optimizers_and_tensors)
    assert step is not None
    return step


def on_a_device(trainers: Sequence[Trainer], verified: bool = False) -> loop.Program:
    whole = len(trainers) > 1
    return OnADevice(trainers, verified, stack_updates) if whole else SingleProgram(trainers[0])


@pytest.mark.parametrize(
    ("optimizer", "build"),
    rest_nightly(list(itertools.product(["adamwspam", "sgd"], BUILDS)), lambda *case: case),
    ids=lambda part: part if isinstance(part, str) else part.__name__,
)
def test_a_pack_as_on_a_gpu_is_the_same_too(optimizer: str, build: Build) -> None:
    wishes = {**PLAIN, "OPTIMIZER": optimizer}
    values = [packing.varied(wishes, k, NUM_EPOCHS=str(17 - k), **RAMP) for k in range(3)]
    outcomes = packing.together(values, build, on_a_device)
    for each, outcome in zip(values, outcomes, strict=True):
        packing.assert_same(outcome, packing.alone(each, build))


# Five trials of different lengths, none of which may notice the others.
EPOCHS = (20, 17, 19, 16, 18)


@functools.cache
def trial(k: int) -> Values:
    return packing.varied(PLAIN, k, NUM_EPOCHS=str(EPOCHS[k]), **RAMP)


@functools.cache
def by_itself(k: int) -> Outcome:
    return packing.alone(trial(k), packing.mlp)


@pytest.mark.parametrize(
    "places",
    [[0, 1], [1, 0], [3, 1, 2], [0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 2, 2], [0, 3, 0]],
    ids=str,
)
def test_companions_order_and_size_do_not_matter(places: list[int]) -> None:
    outcomes = packing.together([trial(k) for k in places], packing.mlp)
    for k, outcome in zip(places, outcomes, strict=True):
        packing.assert_same(outcome, by_itself(k))


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
def test_half_of_a_pack_leaves_early_and_the_rest_does_not_notice(build: Build) -> None:
    steps = {"PRUNING_RAMP_END_EPOCH": "4", "PRUNING_WARMUP": "5"}
    epochs = ("9", "5", "7", "5")
    values = [packing.varied(PLAIN, k, NUM_EPOCHS=e, **steps) for k, e in enumerate(epochs)]
    outcomes = packing.together(values, build)
    for each, outcome in zip(values, outcomes, strict=True):
        assert len(outcome.records) == int(each["NUM_EPOCHS"])
        packing.assert_same(outcome, packing.alone(each, build))


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_trial_that_diverges_leaves_and_the_rest_does_not_notice(
    build: Build, place: int
) -> None:
    wishes = {"OPTIMIZER": "sgd", "PRUNING_METHOD": "none", "NUM_EPOCHS": "3"}
    values = [packing.varied(wishes, k) for k in range(3)]
    values[place] = packing.varied(wishes, 0)
    trainers = [packing.trainer(each, build) for each in values]
    with torch.no_grad():
        last = list(trainers[place].run.model.parameters())[-2]
        last.fill_(math.inf)
    outcomes = packing.train(trainers)
    assert outcomes[place].error == "training loss is nan in epoch 1"
    for k in {0, 1, 2} - {place}:
        packing.assert_same(outcomes[k], packing.alone(values[k], build))


def test_a_rate_too_high_fails_alone_and_in_a_pack_alike() -> None:
    wishes = {"OPTIMIZER": "sgd", "PRUNING_METHOD": "none"}
    values = [packing.varied(wishes, k) for k in range(4)]
    for k, each in enumerate(values):
        each["LEARNING_RATE"] = "1e6" if k % 2 else each["LEARNING_RATE"]
        each["GRAD_CLIP_NORM"] = "0"
    for each, outcome in zip(values, packing.together(values, packing.mlp), strict=True):
        own = packing.alone(each, packing.mlp)
        assert bool(own.error) == (each["LEARNING_RATE"] == "1e6")
        assert outcome.error == own.error
        assert own.error or packing.assert_same(outcome, own)


def test_dropout_draws_from_each_trials_own_stream() -> None:
    values = [packing.varied(PLAIN, k, NUM_EPOCHS=str(16 + k), **RAMP) for k in range(3)]
    for each, outcome in zip(values, packing.together(values, packing.dropping), strict=True):
        packing.assert_same(outcome, packing.alone(each, packing.dropping))


def test_optimizers_and_methods_may_be_mixed() -> None:
    fitting = [wishes for wishes, build in cases() if build is packing.mlp]
    chosen = fitting[:: len(fitting) // 5]
    values = [packing.varied(wishes, k) for k, wishes in enumerate(chosen)]
    for each, outcome in zip(values, packing.together(values, packing.mlp), strict=True):
        packing.assert_same(outcome, packing.alone(each, packing.mlp))


class Branches(nn.Module):
    """One layer takes part, one is frozen, one is never used."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.left = nn.Linear(16, packing.CLASSES), nn.Linear(16, 3)
        self.frozen = nn.Linear(16, 16).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(self.frozen(x.flatten(1)).relu())


@pytest.mark.parametrize(
    "optimizer", sorted({*packing.symbols().members("OPTIMIZER")} - packing.ALONE)
)
def test_parameters_without_gradients_stay_as_they_are(optimizer: str) -> None:
    wishes = {"OPTIMIZER": optimizer, "PRUNING_METHOD": "none"}
    values = [packing.varied(wishes, k, NUM_EPOCHS=str(5 + k)) for k in range(3)]
    data = packing.split(4)
    trainers = [packing.trainer(each, Branches, data) for each in values]
    before = [t.run.model.left.weight.detach().clone() for t in trainers]
    for each, outcome in zip(values, packing.train(trainers), strict=True):
        (own,) = packing.train([packing.trainer(each, Branches, data)])
        packing.assert_same(outcome, own)
    for each, old in zip(trainers, before, strict=True):
        assert torch.equal(each.run.model.left.weight, old)
        assert each.run.model.left.weight.grad is None


def pack_of(build: Build, count: int = 3) -> tuple[list[Trainer], Pack]:
    values = [packing.varied(PLAIN, k) for k in range(count)]
    trainers = [packing.trainer(each, build) for each in values]
    return trainers, Pack(trainers)


def batch(count: int = 3) -> tuple[Tensor, Tensor]:
    data = packing.split(4)
    return data.x[: 4 * count], data.y[: 4 * count]


def test_parameters_and_gradients_are_views_of_stacks() -> None:
    trainers, pack = pack_of(packing.mlp)
    pack.backward(*batch())
    first, second = (list(t.run.model.parameters()) for t in trainers[:2])
    for p, q in zip(first, second, strict=True):
        for row, following in ((p.data, q.data), (p.grad, q.grad)):
            assert following.data_ptr() - row.data_ptr() == row.numel() * row.element_size()


def test_one_run_that_is_left_has_tensors_of_its_own() -> None:
    values = [packing.varied(PLAIN, k, NUM_EPOCHS=str(16 + k), **RAMP) for k in range(2)]
    trainers = [packing.trainer(each, packing.mlp) for each in values]
    packing.train(trainers)
    for p in trainers[1].run.model.parameters():
        assert p.untyped_storage().nbytes() == p.numel() * p.element_size()


def test_the_first_batch_is_looked_at_without_a_trace() -> None:
    (checked, pack), (_, other) = pack_of(packing.dropping), pack_of(packing.dropping)
    other._verified = True
    for _ in range(2):
        assert torch.equal(pack.backward(*batch()), other.backward(*batch()))
    assert all(t.run.step == 0 for t in checked)


class Centred(nn.Module):
    """Takes the mean of the batch away; nothing of it reaches the gradient."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.detach().mean(0)


class PositionsFirst(nn.Module):
    """Rows of the image as positions, before the samples: linear layers then mix trials."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(4, 8), nn.Linear(8, packing.CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(1, 2).transpose(0, 1)  # (positions, n, 4)
        return self.outer(self.inner(rows).tanh().mean(0))


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1e-9 * torch.rand(())


class Reaching(nn.Module):
    """Uses a layer's weight without calling the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, packing.CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x.flatten(1), self.layer.weight)


class FixedBatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(4, 16)


class Rebinding(nn.Module):
    """A buffer that is replaced, not changed: torch's functional call would lose it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(1, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        self.seen = self.seen + x.detach().mean()
        return x + self.seen


class Counting(nn.Module):
    """An attribute that changes with each batch."""

    batches = 0

    def forward(self, x: Tensor) -> Tensor:
        self.batches = self.batches + 1
        return x * (1 + self.batches)


class Twice(nn.Module):
    """Two modules with one buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Rebinding(), Rebinding()
        self.second.seen = self.first.seen

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


def before_a_layer(part: nn.Module) -> nn.Module:
    return nn.Sequential(part, nn.Flatten(), nn.Linear(16, packing.CLASSES))


UNFIT: dict[str, tuple[Build, str]] = {
    "mixes samples": (lambda: before_a_layer(Centred()), "mixes the samples"),
    "has samples second": (PositionsFirst, "mixes the samples"),
    "draws random numbers": (lambda: before_a_layer(Noisy()), "draws random numbers"),
    "torch's other dropouts": (lambda: before_a_layer(nn.Dropout2d(0.3)), "draws random"),
    "reaches into layers": (Reaching, "fails on a batch"),
    "knows the batch size": (lambda: before_a_layer(FixedBatch()), "fails on a batch"),
    "averages over all time": (
        lambda: before_a_layer(nn.BatchNorm2d(1, momentum=None)),
        "fails on a batch",
    ),
    "replaces buffers": (lambda: before_a_layer(Rebinding()), "buffers"),
    "counts batches": (lambda: before_a_layer(Counting()), "attributes of its own"),
    "shares a buffer": (lambda: before_a_layer(Twice()), "share a buffer"),
    "tables with sparse gradients": (
        lambda: before_a_layer(nn.Embedding(3, 2, sparse=True)),
        "embedding",
    ),
}


@pytest.mark.parametrize("equal", [False, True], ids=["other seeds", "one seed"])
@pytest.mark.parametrize("name", UNFIT)
def test_what_a_pack_would_get_wrong_is_refused_before_anything_is_updated(
    name: str, equal: bool
) -> None:
    build, reason = UNFIT[name]
    values = [packing.varied(PLAIN, 0 if equal else k) for k in range(3)]
    trainers = [packing.trainer(each, build, packing.split(4)) for each in values]
    before = [p.detach().clone() for t in trainers for p in t.run.model.parameters()]
    with pytest.raises(CannotPack, match=reason):
        next(loop.Loop(trainers).epochs())
    after = [p for t in trainers for p in t.run.model.parameters()]
    assert all(map(torch.equal, before, after))
    assert all(t.run.step == 0 for t in trainers)


def test_running_out_of_memory_is_not_taken_for_an_unfit_model() -> None:
    class Hungry(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("no room")

    trainers = [
        packing.trainer(packing.varied(PLAIN, k), lambda: before_a_layer(Hungry()), data)
        for data in [packing.split(4)]
        for k in range(2)
    ]
    with pytest.raises(torch.OutOfMemoryError):
        next(loop.Loop(trainers).epochs())


def test_a_tensor_replaced_in_a_pack_is_noticed() -> None:
    trainers, pack = pack_of(packing.mlp)
    pack.check()
    parameter = next(trainers[1].run.model.parameters())
    parameter.data = parameter.detach().clone()
    with pytest.raises(RuntimeError, match="packable = False"):
        pack.check()


class Gated(nn.Module):
    """Whether its second layer takes part depends on the shape of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.flat, self.first, self.second = nn.Flatten(), nn.Linear(16, 10), nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.first(self.flat(x))
        return self.second(y) if x.shape[-1] == 4 else y


def test_parameters_have_gradients_in_those_steps_that_use_them() -> None:
    data = packing.split(4)
    trainers = [packing.trainer(packing.varied(PLAIN, k), Gated, data) for k in range(3)]
    pack = Pack(trainers)
    weights = [t.run.model.get_submodule("second").weight for t in trainers]
    x, y = batch()
    for side, used in ((4, True), (8, False), (4, True)):
        pack.backward(x.reshape(len(x), 1, -1, side), y)
        assert [weight.grad is not None for weight in weights] == [used] * 3
        before = [weight.detach().clone() for weight in weights]
        pack.update()
        moved = [not torch.equal(w, old) for w, old in zip(weights, before, strict=True)]
        assert moved == [used] * 3


class Reused(nn.Module):
    """Uses one layer twice in a pass: its gradient is the sum of two."""

    def __init__(self) -> None:
        super().__init__()
        self.flat, self.inner, self.head = nn.Flatten(), nn.Linear(16, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.inner(self.flat(x)))
        logits: Tensor = self.head(torch.tanh(self.inner(hidden)))
        return logits


def test_a_layer_used_twice_is_the_same_in_a_pack() -> None:
    data = packing.split(4)
    values = [packing.varied(PLAIN, k) for k in range(3)]
    outcomes = packing.train([packing.trainer(each, Reused, data) for each in values])
    for each, outcome in zip(values, outcomes, strict=True):
        (own,) = packing.train([packing.trainer(each, Reused, data)])
        packing.assert_same(outcome, own)


def new_gradient(trainer: Trainer) -> None:
    parameter = next(trainer.run.model.parameters())
    assert parameter.grad is not None
    parameter.grad = parameter.grad * 0.1


def no_gradient(trainer: Trainer) -> None:
    next(trainer.run.model.parameters()).grad = None


def new_state(trainer: Trainer) -> None:
    trainer.run.optimizer.state[next(trainer.run.model.parameters())] = {}


def new_moment(trainer: Trainer) -> None:
    state = trainer.run.optimizer.state[next(trainer.run.model.parameters())]
    state["exp_avg"] = torch.zeros_like(state["exp_avg"])


def loaded(trainer: Trainer) -> None:
    trainer.run.optimizer.load_state_dict(trainer.run.optimizer.state_dict())


def new_group(trainer: Trainer) -> None:
    groups = trainer.run.optimizer.param_groups
    groups[0] = dict(groups[0])


@pytest.mark.parametrize(
    "replace", [new_gradient, no_gradient, new_state, new_moment, loaded, new_group]
)
def test_what_an_update_holds_on_to_is_not_replaced_unnoticed(
    replace: Callable[[Trainer], None],
) -> None:
    trainers, pack = pack_of(packing.mlp)
    for _ in range(2):
        pack.backward(*batch())
        pack.update()
        pack.check()
    replace(trainers[1])
    with pytest.raises(RuntimeError, match="packable = False"):
        pack.check()


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("layer", [1, 2], ids=["a linear layer", "a ReLU"])
def test_a_hook_that_comes_later_is_noticed(layer: int, place: int) -> None:
    trainers, pack = pack_of(packing.mlp)
    pack.backward(*batch())
    pack.check()
    hook = list(trainers[place].run.model.children())[layer].register_forward_hook(lambda *_: None)
    with pytest.raises(RuntimeError, match="hook was registered"):
        pack.check()
    hook.remove()
    pack.check()


def doubled(x: Tensor) -> Tensor:
    return 2 * x


@pytest.mark.parametrize("layer", [1, 2], ids=["a linear layer", "a ReLU"])
def test_a_layer_whose_forward_was_replaced_is_not_taken_for_one_of_its_class(layer: int) -> None:
    def build() -> nn.Module:
        parts = [nn.Flatten(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, packing.CLASSES)]
        parts[layer].forward = doubled
        return nn.Sequential(*parts)

    data = packing.split(4)
    trainers = [packing.trainer(packing.varied(PLAIN, k), build, data) for k in range(3)]
    with pytest.raises(CannotPack):
        next(loop.Loop(trainers).epochs())


class Tallying(nn.Module):
    """Keeps count in a dictionary that stays the same object."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = {"n": 0}
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(16, 10))

    def forward(self, x: Tensor) -> Tensor:
        self.calls["n"] += 1
        logits: Tensor = self.net(x) / self.calls["n"]
        return logits


def test_a_model_that_counts_in_a_dictionary_is_found_out() -> None:
    data = packing.split(4)
    pack = Pack([packing.trainer(packing.varied(PLAIN, k), Tallying, data) for k in range(3)])
    with pytest.raises(CannotPack, match="attributes"):
        pack.backward(*batch())
