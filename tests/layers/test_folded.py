"""Every fold rule against K single layers, in float64: outputs, gradients and buffers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from cuda_tensor import CudaTensor
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.layers.fold_rules import RULES
from espalier.layers.folded import CannotPack, Mapped, Stacked, folded
from espalier.models.residual import BasicBlock, Bottleneck

K, B = 3, 4
Make = Callable[[], nn.Module]


@dataclass
class Folding:
    """K modules with weights of their own, and the one that serves them all."""

    singles: list[nn.Module]
    program: nn.Module
    stacks: dict[int, Tensor]

    def stack_of(self, place: int) -> Tensor:
        return list(self.stacks.values())[place]


def generators(trials: int = K) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(100 + k) for k in range(trials)]


def fold(make: Make, trials: int = K) -> Folding:
    torch.manual_seed(0)
    singles = [_scattered(make().double()) for _ in range(trials)]
    named = zip(*(list(held(module)) for module in singles), strict=True)
    stacks = {id(column[0]): _stack(column) for column in named}
    state = Stacked(trials, stacks, generators(trials))
    program = folded(singles[0], state, RULES).train()
    return Folding(singles, program, stacks)


def held(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _stack(column: Sequence[Tensor]) -> Tensor:
    return torch.stack([t.detach() for t in column]).requires_grad_(column[0].requires_grad)


def _scattered(module: nn.Module) -> nn.Module:
    """Normalisation begins with ones and zeros, which would hide a mistake."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return module


def assert_equal_to_singles(folding: Folding, x: Tensor, steps: int = 2) -> None:
    """Outputs, gradients and buffers over several passes of a batch x (K*b, ...)."""
    ours, theirs = x.clone(), x.clone()
    if x.is_floating_point():
        ours.requires_grad_(), theirs.requires_grad_()
    trials = len(folding.singles)
    for _ in range(steps):
        out = folding.program(ours)
        rows = zip(folding.singles, theirs.chunk(trials), strict=True)
        own = torch.cat([module(part) for module, part in rows])
        near(out, own)
    weights = torch.randn(own.shape, dtype=own.dtype, generator=torch.Generator().manual_seed(3))
    for loss in ((out * weights).sum(), (own * weights).sum()):
        if loss.requires_grad:
            loss.backward()
    assert (ours.grad is None) == (theirs.grad is None)
    if theirs.grad is not None:
        near(ours.grad, theirs.grad)
    for stack, *column in zip(folding.stacks.values(), *map(held, folding.singles), strict=True):
        near(stack, torch.stack(column))
        assert all((t.grad is None) == (stack.grad is None) for t in column)
        if stack.grad is not None:
            near(stack.grad, torch.stack([t.grad for t in column]))


def near(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


def samples(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(K * B, *shape, generator=generator, dtype=torch.float64)


class Scale(nn.Module):
    """A layer with a parameter of its own, a number, and no rule."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(1.5))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Attention(nn.Module):
    """One head over (samples, positions, 6): layers with rules within plain torch."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.mix, self.out = nn.LayerNorm(6), nn.Linear(6, 18), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.mix(self.norm(x)).chunk(3, -1)
        return x + self.out(F.scaled_dot_product_attention(q, k, v))


class Around(nn.Module):
    """A parameter of its own, and children: all of it is mapped."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(5))
        self.inner = nn.Sequential(nn.Linear(5, 5), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x + self.shift)


class Counting(nn.Module):
    """A buffer that each pass changes in place."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        self.seen += x.detach().mean(0)
        return x - self.seen


class Shared(nn.Module):
    """One layer used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = self.again = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.again(self.first(x).relu())


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(7, 6), nn.Linear(6, 7, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.table(x))


class Unused(nn.Module):
    """A layer that takes no part."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.left = nn.Linear(5, 5), nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)


def partly_frozen() -> nn.Module:
    net = nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 3))
    net[0].weight.requires_grad_(False)
    return net


def one_activation() -> nn.Module:
    relu = nn.ReLU()
    return nn.Sequential(nn.Linear(5, 4), relu, nn.Linear(4, 4, bias=False), relu, relu)


def one_layer() -> nn.Module:
    linear = nn.Linear(5, 5)
    return nn.Sequential(linear, nn.ReLU(), linear, linear)


class Taken(nn.Module):
    """A chain whose layers are called one by one, and in part."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 3), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        before: Tensor = self.net[0](x)
        return self.net[2:](self.net[1](before) - 0.1) + self.net(before)


def frozen(make: Make) -> Make:
    return lambda: make().requires_grad_(False)


LAYERS: dict[str, tuple[Make, tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(5, 3), (5,)),
    "linear of three dimensions": (lambda: nn.Linear(5, 3), (6, 5)),
    "linear without bias": (lambda: nn.Linear(5, 3, bias=False), (5,)),
    "linear without bias, three dimensions": (lambda: nn.Linear(5, 3, bias=False), (2, 5)),
    "frozen linear": (frozen(lambda: nn.Linear(5, 3)), (5,)),
    "convolution": (lambda: nn.Conv2d(2, 6, 3), (2, 7, 7)),
    "convolution without bias": (lambda: nn.Conv2d(2, 6, 3, bias=False), (2, 7, 7)),
    "convolution in groups": (lambda: nn.Conv2d(4, 6, 3, groups=2), (4, 7, 7)),
    "depthwise convolution": (lambda: nn.Conv2d(4, 4, 3, groups=4, padding=1), (4, 5, 6)),
    "convolution with a stride": (lambda: nn.Conv2d(2, 6, 3, (2, 1), padding=(1, 0)), (2, 7, 8)),
    "dilated convolution": (lambda: nn.Conv2d(2, 6, 3, dilation=2), (2, 7, 7)),
    "padded to the same size": (lambda: nn.Conv2d(2, 6, (3, 5), padding="same"), (2, 7, 7)),
    "padded by reflection": (
        lambda: nn.Conv2d(2, 6, 3, padding=1, padding_mode="reflect"),
        (2, 7, 7),
    ),
    "batch norm": (lambda: nn.BatchNorm2d(3), (3, 4, 4)),
    "batch norm of vectors": (lambda: nn.BatchNorm1d(5), (5,)),
    "batch norm of sequences": (lambda: nn.BatchNorm1d(5), (5, 6)),
    "batch norm without scale": (lambda: nn.BatchNorm2d(3, affine=False), (3, 4, 4)),
    "batch norm that tracks nothing": (
        lambda: nn.BatchNorm2d(3, track_running_stats=False),
        (3, 4, 4),
    ),
    "slow batch norm": (lambda: nn.BatchNorm2d(3, eps=0.1, momentum=0.7), (3, 4, 4)),
    "frozen batch norm": (frozen(lambda: nn.BatchNorm2d(3)), (3, 4, 4)),
    "layer norm": (lambda: nn.LayerNorm(6), (6,)),
    "layer norm of sequences": (lambda: nn.LayerNorm(6), (5, 6)),
    "layer norm of several dimensions": (lambda: nn.LayerNorm((5, 6)), (2, 5, 6)),
    "layer norm without bias": (lambda: nn.LayerNorm(6, bias=False, eps=0.1), (5, 6)),
    "layer norm without scale": (lambda: nn.LayerNorm(6, elementwise_affine=False), (5, 6)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (4, 3, 3)),
    "one-dimensional convolution": (lambda: nn.Conv1d(2, 4, 3), (2, 8)),
    "transposed convolution": (lambda: nn.ConvTranspose2d(2, 4, 3), (2, 5, 5)),
    "learned slope": (lambda: nn.PReLU(4), (4, 3)),
    "a number": (Scale, (4,)),
    "a parameter around children": (Around, (5,)),
    "a buffer": (Counting, (4,)),
    "attention": (Attention, (5, 6)),
    "a shared layer": (Shared, (5,)),
    "an unused layer": (Unused, (5,)),
    "a frozen weight": (partly_frozen, (5,)),
    "without parameters": (lambda: nn.Sequential(nn.Flatten(), nn.GELU()), (2, 3)),
    "a chain with one activation": (one_activation, (5,)),
    "a chain with one layer": (one_layer, (5,)),
    "a chain of three dimensions": (one_activation, (2, 5)),
    "a chain in parts": (Taken, (5,)),
    "a chain that begins with an activation": (
        lambda: nn.Sequential(nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 4), nn.ReLU()),
        (5,),
    ),
    "a frozen chain": (frozen(one_activation), (5,)),
    "basic block": (lambda: BasicBlock(4, 4, 1), (4, 4, 4)),
    "bottleneck": (lambda: Bottleneck(4, 2, 2), (4, 4, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_folded_layer_is_its_single_layers(name: str) -> None:
    make, shape = LAYERS[name]
    assert_equal_to_singles(fold(make), samples(*shape))


INDICES = torch.arange(K * B * 2).view(K * B, 2) % 7

TABLES: dict[str, Make] = {
    "embedding": lambda: nn.Embedding(7, 6),
    "with padding": lambda: nn.Embedding(7, 6, padding_idx=2),
    "tied to the output layer": Tied,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_folded_table_is_its_single_tables(name: str) -> None:
    assert_equal_to_singles(fold(TABLES[name]), INDICES)


def test_one_index_a_sample() -> None:
    assert_equal_to_singles(fold(lambda: nn.Embedding(7, 6)), INDICES[:, 0])


@pytest.mark.parametrize("trials", [1, 2, 5])
def test_any_number_of_trials(trials: int) -> None:
    x = torch.randn(trials * 2, 4, 4, 4, dtype=torch.float64)
    assert_equal_to_singles(fold(lambda: BasicBlock(4, 4, 1), trials), x)


def test_inputs_need_not_lie_in_a_row_in_memory() -> None:
    x = samples(5, 3, 4).transpose(1, 3)
    assert_equal_to_singles(fold(lambda: nn.Conv2d(4, 2, 2)), x)
    assert_equal_to_singles(fold(lambda: nn.Linear(5, 2)), x)
    assert_equal_to_singles(fold(lambda: nn.BatchNorm2d(4)), x)


DEVICE_RULES = [
    *(name for name in LAYERS if "batch norm" in name or name.endswith("block")),
    *(name for name in LAYERS if "convolution" in name and "-" not in name and "tr" not in name),
    *("convolution with a stride", "padded to the same size", "bottleneck", "linear"),
]


@pytest.mark.parametrize("name", DEVICE_RULES)
def test_the_rules_for_other_devices_too(name: str) -> None:
    make, shape = LAYERS[name]
    folding = fold(make)
    program, forms = folding.program, []

    class There(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = program(x.as_subclass(CudaTensor))
            forms.append(type(y))
            return y.as_subclass(Tensor)

    assert_equal_to_singles(Folding(folding.singles, There(), folding.stacks), samples(*shape))
    assert forms == [CudaTensor] * 2


def test_side_by_side_and_back_is_nothing_done() -> None:
    rule = fold(lambda: nn.BatchNorm2d(3)).program
    x = samples(3, 2, 2)
    wide = rule.to_channels(x)
    assert wide.shape == (B, K * 3, 2, 2)
    assert torch.equal(wide[1, 3:6], x[B + 1])  # trial 1, sample 1
    assert torch.equal(rule.to_batch(wide), x)


@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize("inplace", [False, True])
def test_dropout_draws_what_torch_draws_alone(p: float, inplace: bool) -> None:
    folding = fold(lambda: nn.Dropout(p, inplace))
    x, streams = samples(6, 5), generators()
    for _ in range(2):
        out = folding.program(x.clone())
        for part, mine, stream in zip(x.chunk(K), out.chunk(K), streams, strict=True):
            torch.set_rng_state(stream.get_state())
            assert torch.equal(mine, nn.Dropout(p)(part))
            stream.set_state(torch.get_rng_state())


def test_dropout_is_nothing_when_evaluating() -> None:
    program = fold(lambda: nn.Dropout(0.5)).program.eval()
    x = samples(6)
    assert torch.equal(program(x), x)


@pytest.mark.parametrize("p", [0.5, 1.0])
def test_dropout_that_would_be_another_elsewhere_is_refused(p: float) -> None:
    x = samples(6) if p == 1 else samples(6).as_subclass(CudaTensor)
    with pytest.raises(CannotPack, match="dropout"):
        fold(lambda: nn.Dropout(p)).program(x)


def test_what_cannot_be_mapped_fails_and_is_not_wrong() -> None:
    with pytest.raises(RuntimeError):
        fold(lambda: nn.BatchNorm2d(3, momentum=None)).program(samples(3, 4, 4))
    with pytest.raises(RuntimeError):
        fold(Holding).program(samples(5))


@pytest.mark.parametrize("special", ["max_norm", "sparse", "scale_grad_by_freq"])
def test_tables_with_unusual_gradients_are_refused(special: str) -> None:
    with pytest.raises(CannotPack, match="embedding"):
        fold(lambda: nn.Embedding(7, 6, **{special: True}))


class Holding(nn.Module):
    """Draws random numbers beside a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(5))

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x * self.factor, 0.5)


def test_a_shared_module_has_a_shared_twin() -> None:
    program = fold(Shared).program
    assert program.first is program.again


def test_a_module_without_parameters_keeps_its_settings_and_class() -> None:
    program = fold(lambda: nn.Sequential(nn.LeakyReLU(0.3), nn.Linear(2, 2))).program
    assert isinstance(program, nn.Sequential)
    assert program[0].negative_slope == 0.3
    assert not list(program.parameters())


def test_subclasses_of_layers_with_rules_have_none() -> None:
    class Doubled(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    folding = fold(lambda: Doubled(5, 3))
    assert isinstance(folding.program, Mapped)
    assert_equal_to_singles(folding, samples(5))


def test_folding_leaves_the_modules_as_they_were() -> None:
    folding = fold(lambda: BasicBlock(4, 8, 2))
    before = copy.deepcopy(folding.singles[0].state_dict())
    folding.program(samples(4, 4, 4))
    after = folding.singles[0].state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
