"""K optimizers stepped as one against the same K stepped one by one, in float64."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils._python_dispatch import TorchDispatchMode

from espalier.core import component
from espalier.core.contracts import Optimizer
from espalier.optimizers.adamwprune import AdamWPrune, AdamWPruneSpec
from espalier.optimizers.adamwspam import AdamWSpam
from espalier.optimizers.guards.guarded import GuardedAdam
from espalier.optimizers.guards.spam import Spam
from espalier.optimizers.lean import LeanAdam, LeanSGD
from espalier.optimizers.sgd import SGD
from espalier.optimizers.stacked import Stack, stack_optimizers
from espalier.sparse.masked_weight import weight_and_state

K, STEPS = 5, 60
SHAPES = [(4, 3), (4,), (2, 4), (2,), (3, 2, 2, 2)]
Build = Callable[[nn.Module], torch.optim.Optimizer]


def bag() -> nn.Module:
    """A module with parameters of all kinds of shapes; equal each time."""
    generator = torch.Generator().manual_seed(7)
    tensors = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in SHAPES]
    module = nn.Module()
    for i, tensor in enumerate(tensors):
        module.register_parameter(f"p{i}", nn.Parameter(tensor))
    return module


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


class Pack:
    """K modules whose parameters and gradients are views of stacks, and their optimizers."""

    def __init__(self, builds: list[Build]) -> None:
        self.modules = [bag() for _ in builds]
        self.optimizers = [build(m) for build, m in zip(builds, self.modules, strict=True)]
        self.stack()

    def stack(self) -> None:
        self.columns = list(zip(*[list(m.parameters()) for m in self.modules], strict=True))
        self.stacks = [
            (torch.stack([p.detach() for p in column]), torch.stack([_gradient(p) for p in column]))
            for column in self.columns
        ]
        for column, (weights, grads) in zip(self.columns, self.stacks, strict=True):
            for k, parameter in enumerate(column):
                parameter.data, parameter.grad = weights[k], grads[k]

    def keep(self, runs: list[int]) -> None:
        self.modules = [self.modules[k] for k in runs]
        self.optimizers = [self.optimizers[k] for k in runs]
        self.stack()

    def stacked(self) -> Stack | None:
        return stack_optimizers(self.optimizers, self.columns, self.stacks)


def gradients(step: int, run: int) -> list[Tensor]:
    """Random ones, with a spike at times."""
    generator = torch.Generator().manual_seed(1000 * step + run)
    scale = 30.0 if step % (13 + run) == 12 else 1.0
    return [scale * torch.randn(s, generator=generator, dtype=torch.float64) for s in SHAPES]


def train(pack: Pack, ids: list[int], steps: range, step_all: Callable[[], None]) -> None:
    for step in steps:
        for run, module, optimizer in zip(ids, pack.modules, pack.optimizers, strict=True):
            for parameter, gradient in zip(module.parameters(), gradients(step, run), strict=True):
                parameter.grad.copy_(gradient)
            for group in optimizer.param_groups:
                group["lr"] = 0.01 * (1 + run) / (1 + step % 7)
        step_all()


def one_by_one(pack: Pack) -> Callable[[], None]:
    return lambda: [None for optimizer in pack.optimizers if optimizer.step()]


def difference(pack: Pack, other: Pack) -> float:
    """The largest, of parameters, gradients and all state; inf if what there is differs."""
    worst = 0.0
    for mine, yours in zip(contents(pack), contents(other), strict=True):
        if mine.keys() != yours.keys():
            return float("inf")
        worst = max([worst, *(float((mine[k] - yours[k]).abs().max()) for k in mine)])
    return worst


def contents(pack: Pack) -> list[dict[str, Tensor]]:
    rows = []
    for module, optimizer in zip(pack.modules, pack.optimizers, strict=True):
        row: dict[str, Tensor] = {}
        for name, p in module.named_parameters():
            row |= {name: p.detach(), f"{name}.grad": p.grad}
            row |= {f"{name}.{key}": x for key, x in optimizer.state[p].items()}
        guard = getattr(optimizer, "guard", None)
        if guard is not None:
            row |= {"norms": guard.norms, "guard.steps": torch.tensor(guard.steps)}
        row["updates"] = torch.tensor(getattr(optimizer, "updates", 0))
        rows.append(row)
    return rows


def varied(name: str, k: int) -> dict[str, Any]:
    """Fields of run k that all differ from the other runs', of whatever the component has."""
    values: dict[str, Any] = {
        "beta1": 0.8 + 0.03 * k,
        "beta2": 0.9 + 0.02 * k,
        "epsilon": 10.0 ** (-4 - k),
        "weight_decay": [0.0, 0.3, 0.01, 0.1, 0.02][k],
        "amsgrad": k % 2 == 0,
        "use_amsgrad": k % 2 == 1,
        "clip_norm": [0.0, 0.5, 2.0, 1e9, 1.0][k],
        "momentum": [0.9, 0.0, 0.5, 0.8, 0.99][k],
        "nesterov": k in (2, 3),
        "scale": "moonlight" if k < 3 else "keller",
        "adam_rate": 0.3 + k,
        "warmup": 3 * k,
        "spam": Spam(
            enable_clip=k != 1,
            theta=[0.7, 2.0, 50.0, None, 1.1][k],
            spike_threshold=0.5 * k,
            periodic_reset=k != 2,
            interval=[17, 23, 5, None, 14][k],
            warmup=k != 0,
            warmup_steps=[3, 4, 5, 6, 0][k],
        ),
    }
    cls = component.find("optimizer", name, Optimizer)
    return {key: value for key, value in values.items() if key in cls.__dataclass_fields__}


def builds(name: str, **more: Any) -> list[Build]:
    cls = component.find("optimizer", name, Optimizer)
    specs = [cls(**{**varied(name, k), **more}) for k in range(K)]
    return [lambda module, spec=spec: spec.build(module, 0.01) for spec in specs]


ALONE = {"soap"}  # whose docstring says why
CASES = [(name, {}) for name in component.names("optimizer") if name not in ALONE]
CASES += [("adamwprune", {"base": base}) for base in ("adam", "adamwadv", "adamwspam")]


@pytest.mark.parametrize(("name", "more"), CASES)
def test_runs_stepped_as_one_are_as_if_alone(name: str, more: dict[str, Any]) -> None:
    together, alone = Pack(builds(name, **more)), Pack(builds(name, **more))
    step = together.stacked()
    assert step is not None
    train(together, list(range(K)), range(STEPS), step)
    train(alone, list(range(K)), range(STEPS), one_by_one(alone))
    assert difference(together, alone) <= 1e-12


@pytest.mark.parametrize(("name", "more"), CASES)
def test_some_leave_and_the_others_do_not_notice(name: str, more: dict[str, Any]) -> None:
    together, alone = Pack(builds(name, **more)), Pack(builds(name, **more))
    train(together, list(range(K)), range(12), one_by_one(together))  # state from before is kept
    for start, ids in ((12, [0, 1, 2, 3, 4]), (35, [1, 2, 4])):
        together.keep([[0, 1, 2, 3, 4].index(i) for i in ids])
        train(together, ids, range(start, start + 23), together.stacked())  # type: ignore[arg-type]
    together.keep([2])
    train(together, [4], range(58, 70), one_by_one(together))
    train(alone, list(range(K)), range(70), one_by_one(alone))
    alone.keep([4])
    assert difference(together, alone) <= 1e-12


@pytest.mark.parametrize(("name", "more"), CASES)
def test_what_is_masked_stays_exactly_zero(name: str, more: dict[str, Any]) -> None:
    pack = Pack(builds(name, **more))
    step = pack.stacked()
    assert step is not None
    with torch.no_grad():
        for module, optimizer in zip(pack.modules, pack.optimizers, strict=True):
            for p in module.parameters():
                for x in weight_and_state(p, optimizer).values():
                    x.view(-1)[0] = 0.0

    def masked() -> None:
        for module in pack.modules:
            for p in module.parameters():
                p.grad.view(-1)[0] = 0.0
        step()

    train(pack, list(range(K)), range(30), masked)
    for module, optimizer in zip(pack.modules, pack.optimizers, strict=True):
        for p in module.parameters():
            held = weight_and_state(p, optimizer).values()
            assert all(float(x.view(-1)[0]) == 0.0 for x in held)


def test_a_run_that_diverged_leaves_the_others_alone() -> None:
    together, alone = Pack(builds("adamwspam")), Pack(builds("adamwspam"))
    for pack in (together, alone):
        pack.modules[1].p0.data.fill_(float("nan"))
    train(together, list(range(K)), range(30), together.stacked())  # type: ignore[arg-type]
    train(alone, list(range(K)), range(30), one_by_one(alone))
    for pack in (together, alone):
        pack.keep([0, 2, 3, 4])
    assert difference(together, alone) <= 1e-12


def test_parameters_that_are_not_trained_are_left_alone() -> None:
    def frozen(module: nn.Module) -> torch.optim.Optimizer:
        module.p1.requires_grad_(False)
        return LeanAdam([p for p in module.parameters() if p.requires_grad], 0.1)

    pack = Pack([frozen] * 2)
    before = pack.modules[0].p1.detach().clone()
    train(pack, [0, 1], range(3), pack.stacked())  # type: ignore[arg-type]
    assert torch.equal(pack.modules[0].p1, before)


def test_hyperparameters_may_change_between_steps() -> None:
    together, alone = Pack(builds("adamw")), Pack(builds("adamw"))
    step = together.stacked()
    assert step is not None
    for start in (0, 3):
        for pack in (together, alone):
            pack.optimizers[1].param_groups[0]["weight_decay"] = 0.2 + start
            for group in pack.optimizers[2].param_groups:
                group["betas"] = (0.5 + start / 10, 0.6)
        train(together, list(range(K)), range(start, start + 3), step)
        train(alone, list(range(K)), range(start, start + 3), one_by_one(alone))
    assert difference(together, alone) <= 1e-12


@pytest.mark.parametrize("name", sorted(ALONE))
def test_runs_of_others_step_one_by_one(name: str) -> None:
    assert Pack(builds(name)).stacked() is None


@pytest.mark.parametrize("name", [name for name, more in CASES if not more])
def test_in_float32_the_digits_of_small_numbers_are_kept(name: str) -> None:
    def single(build: Build) -> Build:
        return lambda module: build(module.float())

    cls = component.find("optimizer", name, Optimizer)
    defaults: list[Build] = [single(lambda module: cls().build(module, 0.01))] * 2
    together, alone = Pack(defaults), Pack(defaults)
    train(together, [0, 1], range(10), together.stacked())  # type: ignore[arg-type]
    train(alone, [0, 1], range(10), one_by_one(alone))
    for mine, yours in zip(contents(together), contents(alone), strict=True):
        for key in mine:
            scale = float(yours[key].abs().max())
            torch.testing.assert_close(mine[key], yours[key], rtol=2e-6, atol=1e-6 * scale)


def test_parameters_that_never_have_a_gradient_may_be_left_out() -> None:
    builds = [parted({}, {"weight_decay": 0.1})] * 2  # those left out are the whole first group
    together, alone = Pack(builds), Pack(builds)
    for pack in (together, alone):
        del pack.columns[:2], pack.stacks[:2]
        for module in pack.modules:
            module.p0.grad = module.p1.grad = None
    step = together.stacked()
    for _ in range(3):
        for pack, update in ((together, step), (alone, one_by_one(alone))):
            for i, (_, grads) in enumerate(pack.stacks):
                grads.fill_(1.0 + i)
            update()  # type: ignore[misc]
    for k in range(2):
        for mine, yours in zip(
            *(p.modules[k].parameters() for p in (together, alone)), strict=True
        ):
            assert torch.allclose(mine, yours, rtol=0, atol=1e-12)
    assert not together.optimizers[0].state[together.modules[0].p1]


def adamw(module: nn.Module) -> torch.optim.Optimizer:
    return LeanAdam(module.parameters(), 0.1)


class Bolder(LeanAdam):
    def _rate(self, lr: Any) -> Any:
        return 2 * lr


def hooked(module: nn.Module) -> torch.optim.Optimizer:
    optimizer = adamw(module)
    optimizer.register_step_pre_hook(lambda *_: None)
    return optimizer


def scheduled(module: nn.Module) -> torch.optim.Optimizer:
    optimizer = adamw(module)
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    return optimizer


def stepped(module: nn.Module) -> torch.optim.Optimizer:
    optimizer = adamw(module)
    module.p0.grad = torch.ones_like(module.p0)
    optimizer.step()
    return optimizer


def parted(first: dict[str, Any], second: dict[str, Any]) -> Build:
    def build(module: nn.Module) -> torch.optim.Optimizer:
        parameters = list(module.parameters())
        return LeanAdam(
            [{"params": parameters[:2], **first}, {"params": parameters[2:], **second}], 0.1
        )

    return build


ONE_BY_ONE: dict[str, list[Build]] = {
    "torch's own": [lambda m: torch.optim.Adam(m.parameters(), fused=True)] * 2,
    "kinds that differ": [adamw, lambda m: LeanSGD(m.parameters(), 0.1)],
    "a subclass that says nothing": [lambda m: Bolder(m.parameters(), 0.1)] * 2,
    "pruning of its own": [
        lambda m: AdamWPrune(m.parameters(), target_sparsity=0.5, warmup_steps=1, ramp_end_step=9)
    ]
    * 2,
    "a user's hook": [adamw, hooked],
    "a scheduler that watches steps": [adamw, scheduled],
    "parameters that began at different steps": [adamw, stepped],
    "groups with different rates": [parted({"lr": 0.2}, {})] * 2,
    "groups with different moments": [parted({"betas": (0.5, 0.5)}, {})] * 2,
    "other groups": [adamw, parted({}, {})],
    "other parameters": [adamw, lambda m: LeanAdam(list(m.parameters())[1:], 0.1)],
    "a rate on the device": [lambda m: LeanAdam(m.parameters(), torch.tensor(0.1))] * 2,
    "ascent": [lambda m: LeanAdam(m.parameters(), 0.1, maximize=True)] * 2,
    "dampening": [lambda m: LeanSGD(m.parameters(), 0.1, momentum=0.5, dampening=0.5)] * 2,
    "formats that differ": [lambda m: LeanAdam(m.float().parameters(), 0.1), adamw],
}


@pytest.mark.parametrize("why", ONE_BY_ONE)
def test_what_must_be_stepped_one_by_one(why: str) -> None:
    if why == "formats that differ":
        pack = Pack([adamw, adamw])
        pack.stacks[0] = (pack.stacks[0][0].float(), pack.stacks[0][1].float())
    else:
        pack = Pack(ONE_BY_ONE[why])
    assert pack.stacked() is None


def test_hooks_for_all_optimizers_see_each_by_itself() -> None:
    handle = register_optimizer_step_post_hook(lambda *_: None)
    assert Pack([adamw] * 2).stacked() is None
    handle.remove()
    assert Pack([adamw] * 2).stacked() is not None


@pytest.mark.parametrize(
    ("build", "change"),
    [
        (adamw, {"amsgrad": True}),
        (adamw, {"maximize": True}),
        (lambda m: LeanSGD(m.parameters(), 0.1), {"momentum": 0.5}),
    ],
)
def test_a_change_that_cannot_be_followed_is_an_error(build: Build, change: dict[str, Any]) -> None:
    pack = Pack([build, build])
    step = pack.stacked()
    assert step is not None
    pack.optimizers[1].param_groups[0].update(change)
    with pytest.raises(RuntimeError, match="stacked anew"):
        step()


def test_groups_whose_rates_part_are_an_error() -> None:
    pack = Pack([parted({}, {"weight_decay": 0.1})] * 2)
    step = pack.stacked()
    assert step is not None
    pack.optimizers[0].param_groups[1]["lr"] = 0.5
    with pytest.raises(RuntimeError, match="one learning rate"):
        step()


def test_the_state_can_be_saved_and_loaded_by_an_optimizer_alone() -> None:
    pack = Pack(builds("adamwspam"))
    train(pack, list(range(K)), range(20), pack.stacked())  # type: ignore[arg-type]
    module = bag()
    module.load_state_dict(pack.modules[3].state_dict())
    optimizer = AdamWSpam(**varied("adamwspam", 3)).build(module, 0.01)
    optimizer.load_state_dict(copy.deepcopy(pack.optimizers[3].state_dict()))
    pack.keep([3])
    for parameter, gradient in zip(module.parameters(), gradients(20, 3), strict=True):
        parameter.grad = gradient
    optimizer.param_groups[0]["lr"] = optimizer.param_groups[1]["lr"] = 0.01 * 4 / 7
    optimizer.step()
    train(pack, [3], range(20, 21), one_by_one(pack))
    for mine, yours in zip(module.parameters(), pack.modules[0].parameters(), strict=True):
        assert torch.equal(mine, yours)


def test_nothing_is_sent_while_nothing_changes() -> None:
    pack = Pack([adamw] * 2)
    step = pack.stacked()
    assert step is not None
    step()
    sent = step._sent
    step()
    assert step._sent is sent
    pack.optimizers[1].param_groups[0]["lr"] = 0.2
    step()
    assert step._sent is not sent
    assert step.of("lr").flatten().tolist() == [0.1, 0.2]


class Operations(TorchDispatchMode):
    """Notes the name of every operation."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("name", "more"), CASES)
def test_a_step_never_waits_for_the_device(name: str, more: dict[str, Any]) -> None:
    pack = Pack(builds(name, **more))
    step = pack.stacked()
    assert step is not None
    with Operations() as seen:
        for _ in range(30):
            step()
    assert "addcmul_" in seen.names
    assert not {"_local_scalar_dense", "nonzero", "equal", "is_nonzero"} & set(seen.names)


def test_mixed_bases_and_guards_are_stacked_together() -> None:
    def build(k: int) -> Build:
        spec = AdamWPruneSpec(base=("adam", "adamw", "adamwadv", "adamwspam", "adamwspam")[k])
        return lambda module: spec.build(module, 0.01)

    together, alone = Pack([build(k) for k in range(K)]), Pack([build(k) for k in range(K)])
    train(together, list(range(K)), range(STEPS), together.stacked())  # type: ignore[arg-type]
    train(alone, list(range(K)), range(STEPS), one_by_one(alone))
    assert difference(together, alone) <= 1e-12


def test_infinite_moments_are_as_alone_and_a_reset_clears_them() -> None:
    def build(module: nn.Module) -> torch.optim.Optimizer:
        spam = Spam(enable_clip=False, interval=6, spike_threshold=1e9)
        return GuardedAdam(module.parameters(), 0.1, spam=spam)

    together, alone = Pack([build] * 2), Pack([build] * 2)
    for pack, step in ((together, together.stacked()), (alone, one_by_one(alone))):
        assert step is not None
        train(pack, [0, 1], range(3), step)
        pack.optimizers[0].state[pack.modules[0].p0]["exp_avg_sq"][0] = float("inf")
        train(pack, [0, 1], range(3, 9), step)
    assert difference(together, alone) <= 1e-12


def test_sgd_without_momentum_has_no_state() -> None:
    pack = Pack([lambda m: SGD(momentum=0.0).build(m, 0.1)] * 2)
    train(pack, [0, 1], range(2), pack.stacked())  # type: ignore[arg-type]
    assert not any(pack.optimizers[0].state.values())


def test_averages_are_stacked_anew_in_evaluation_and_step_in_training_alone() -> None:
    pack = Pack(builds("schedulefree"))
    train(pack, list(range(K)), range(3), pack.stacked())  # type: ignore[arg-type]
    for optimizer in pack.optimizers:
        optimizer.eval()  # type: ignore[attr-defined]
    pack.keep([1, 2])
    step = pack.stacked()  # as when runs leave after an epoch
    assert step is not None
    with pytest.raises(RuntimeError, match=r"call train\(\)"):
        step()
    for optimizer in pack.optimizers:
        optimizer.train()  # type: ignore[attr-defined]
    train(pack, [1, 2], range(3, 5), step)
