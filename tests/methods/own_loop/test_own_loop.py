"""What every method promises in a training loop of the user's own."""

from __future__ import annotations

import copy
import gc
import io
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import loops
import own_loops
import pytest
import torch
from own_loops import ARGUMENTS, Trained
from torch import Tensor, nn
from torch.nn import functional as F

import espalier
from espalier.methods.pruning.magnitude import Magnitude
from espalier.methods.pruning.pruning_schedule import PruningPlan
from espalier.optimizers.adamw import AdamW
from espalier.optimizers.muon import Muon

every = pytest.mark.parametrize("name", ARGUMENTS)


def masks(trained: Trained) -> Tensor:
    mask = trained[2].masks.mask
    assert mask is not None
    return mask


def pickled(trained: Trained) -> Trained:
    copied: Trained = pickle.loads(pickle.dumps(trained))  # noqa: S301  # our own bytes
    return copied


def loaded(trained: Trained) -> Trained:
    """A new one, given what was saved as people save it."""
    file = io.BytesIO()
    torch.save([part.state_dict() for part in trained], file)
    file.seek(0)
    fresh = own_loops.start(type(trained[2]).__name__)
    for part, state in zip(fresh, torch.load(file), strict=True):
        part.load_state_dict(state)
    return fresh


@every
@pytest.mark.parametrize("again", [copy.deepcopy, pickled, loaded])
def test_going_on_with_a_copy_is_exact(name: str, again: Callable[[Trained], Trained]) -> None:
    first = own_loops.start(name)
    own_loops.train(first, 0, 12)
    second = again(first)
    for trained in (first, second):
        own_loops.train(trained, 12, 30)
    assert loops.same(loops.values(first[0]), loops.values(second[0]))
    assert first[2].measures() == second[2].measures()
    assert 0.5 < first[2].sparsity < 0.8


@every
def test_the_share_ever_live_is_that_of_the_masks_of_all_updates(name: str) -> None:
    trained = own_loops.start(name)
    held = trained[2].masks
    assert held.explored_share == 0.0
    ever = [torch.zeros_like(live) for live in held.live_masks()]
    for step in range(30):
        ever = [old | now for old, now in zip(ever, held.live_masks(), strict=True)]
        own_loops.train(trained, step, step + 1)
    assert held.explored_share == sum(int(x.sum()) for x in ever) / held.size


def rewind(model: nn.Module, dense: dict[str, Tensor]) -> None:
    model.load_state_dict(dense)


def write_data(model: nn.Module, dense: dict[str, Tensor]) -> None:
    for name, parameter in model.named_parameters():
        parameter.data.copy_(dense[name])


def rebind_data(model: nn.Module, dense: dict[str, Tensor]) -> None:
    for name, parameter in model.named_parameters():
        parameter.data = dense[name].clone()


def write_nan(model: nn.Module, dense: dict[str, Tensor]) -> None:
    del dense
    model[4].weight.data[0] = torch.nan  # type: ignore[index, union-attr, operator]


@every
@pytest.mark.parametrize("write", [rewind, write_data, rebind_data, write_nan])
def test_outside_writes_are_undone(name: str, write: Any) -> None:
    trained = model, optimizer, method = own_loops.start(name)
    own_loops.train(trained, 0, 28)
    dense = loops.network(seed=5).state_dict()
    pruned = masks(trained).clone()
    write(model, dense)
    for state in optimizer.state.values():
        state["exp_avg"].fill_(1.0)
    loops.backward(model, 1)
    optimizer.step()
    method.step()
    method.masks.assert_masked(optimizer)
    if name not in ("SET", "RigL", "SNFS", "DSR"):  # these have no event any more
        assert torch.equal(masks(trained), pruned)


@every
def test_gradients_of_pruned_weights_are_never_seen(name: str) -> None:
    """The norm that a user limits is that of live weights."""
    trained = model, _, method = own_loops.start(name)
    own_loops.train(trained, 0, 25)
    loops.backward(model, 25)
    parts = method.masks.split(masks(trained))
    for weight, dead in zip(method.masks.weights, parts, strict=True):
        assert weight.grad is not None and not weight.grad[dead].any()
        assert weight.grad[~dead].any()


def micro_batches(trained: Trained, steps: int, parts: int) -> None:
    """The same updates, each batch in parts."""
    model, optimizer, method = trained
    for step in range(steps):
        optimizer.zero_grad()
        x, y = loops.batch(step)
        for a, b in zip(x.chunk(parts), y.chunk(parts), strict=True):
            (F.cross_entropy(model(a), b) / parts).backward()
        optimizer.step()
        method.step()
        method.masks.assert_masked(optimizer)


def plain_network() -> nn.Module:
    """Without batch normalisation, which would tell a batch from its parts."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 4))
    return net.double()


@every
def test_accumulated_gradients_choose_the_masks_of_the_whole_batch(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = loops.batch
    monkeypatch.setattr(loops, "batch", lambda step: (batch(step)[0].double(), batch(step)[1]))
    whole, parted = (own_loops.start(name, model=plain_network()) for _ in range(2))
    micro_batches(whole, 20, 1)
    micro_batches(parted, 20, 4)
    assert torch.equal(masks(whole), masks(parted))


@every
def test_gradients_that_were_thrown_away_do_not_count(name: str) -> None:
    plain, tried = own_loops.start(name), own_loops.start(name)
    for step in range(20):
        tried[0].eval()  # batch normalisation sees it not
        F.cross_entropy(tried[0](7 * loops.batch(step + 1)[0]), loops.batch(step)[1]).backward()
        tried[0].train()
        for trained in (plain, tried):
            own_loops.train(trained, step, step + 1)
    assert torch.equal(masks(plain), masks(tried))


@every
def test_skipped_updates_break_nothing(name: str) -> None:
    """Loss scaling skips an update whose gradients overflow, at an event too."""
    model, optimizer, method = own_loops.start(name)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    if hasattr(method, "scaler"):
        method.scaler = scaler
    for step in range(30):
        optimizer.zero_grad()
        x, y = loops.batch(step)
        loss = F.cross_entropy(model(x), y)
        scaler.scale(loss * (torch.inf if step in (3, 7, 10) else 1)).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        method.step()
        method.masks.assert_masked(optimizer)
    assert all(p.isfinite().all() for p in model.parameters())
    assert 0.5 < method.sparsity < 0.8


@pytest.mark.parametrize("name", [n for n in ARGUMENTS if n.endswith("Pruning")])
def test_pruning_chooses_the_masks_of_the_harness(name: str) -> None:
    """An epoch of the harness is six updates: its ramp is as long if it ends with epoch 3."""
    measured = "batches" in ARGUMENTS[name]
    arguments = {**(own_loops.MEASURED if measured else own_loops.PRUNED), "ramp_end_step": 18}
    model = loops.network()
    optimizer = AdamW(weight_decay=0.01).build(model, 0.01)
    method = getattr(espalier, name)(model, optimizer, **arguments)
    own_loops.train((model, optimizer, method), 0, 20)
    plan = replace(method.method.plan, ramp_end_epoch=3)
    ours = replace(method.method, plan=plan)
    run = loops.run_of(AdamW(weight_decay=0.01), ours)
    run.samples = method.run.samples
    loops.train(run, 20)
    assert torch.equal(method.masks.mask, run.method_state.masks.mask)
    assert loops.same(loops.values(model), loops.values(run.model))


@pytest.mark.parametrize("name", ["StaticSparse", "SET", "SNFS", "DSR", "CHT", "CHTs"])
def test_sparse_training_chooses_the_masks_of_the_harness(name: str) -> None:
    model = loops.network()
    optimizer = AdamW(weight_decay=0.01).build(model, 0.01)
    method = getattr(espalier, name)(model, optimizer, **{**ARGUMENTS[name], "seed": 0})
    own_loops.train((model, optimizer, method), 0, 28)
    run = loops.train(
        loops.run_of(AdamW(weight_decay=0.01), method.method, epochs=5, model=loops.network()), 28
    )
    assert torch.equal(method.masks.mask, run.method_state.masks.mask)
    assert loops.same(loops.values(model), loops.values(run.model))


def test_rigl_grows_by_the_gradient_of_the_updates_own_batch() -> None:
    """Against gradients of a copy that nothing masks."""
    model, optimizer, method = own_loops.start("RigL", model=plain_network().float())
    weights = method.masks.weights
    for step in range(3):
        loops.backward(model, step)
        optimizer.step()
        method.step()
    twin = copy.deepcopy(model)
    loops.backward(twin, 3)
    dense = [p.grad.abs() for p in twin.parameters() if p.ndim > 1 and p.grad is not None]
    before = [part.clone() for part in method.masks.split(method.masks.mask)]  # type: ignore[arg-type]
    loops.backward(model, 3)
    optimizer.step()
    method.step()
    after = method.masks.split(method.masks.mask)  # type: ignore[arg-type]
    assert method.measures()["sparse_events"] == 1
    for weight, score, old, new in zip(weights, dense, before, after, strict=True):
        grown, stays = old & ~new, old & new
        assert grown.any() and score[grown].min() >= score[stays].max()
        assert not weight[grown].any()  # from 0


@every
def test_a_method_that_is_gone_masks_nothing(name: str) -> None:
    model, optimizer, method = own_loops.start(name)
    own_loops.train((model, optimizer, method), 0, 12)
    weights, dead = method.masks.weights, method.masks.split(masks((model, optimizer, method)))
    del method
    gc.collect()
    loops.backward(model, 12)
    gradients = [
        part for w, m in zip(weights, dead, strict=True) if w.grad is not None for part in w.grad[m]
    ]
    assert any(gradients)


@every
def test_it_must_be_the_model_that_is_trained(name: str) -> None:
    model = loops.network()
    other = own_loops.adamw(loops.network().parameters())
    with pytest.raises(ValueError, match="0.weight: the optimizer does not train it"):
        getattr(espalier, name)(model, other, **ARGUMENTS[name])
    with pytest.raises(RuntimeError, match="no gradient has come"):
        own_loops.start(name)[2].step()
    with pytest.raises(ValueError, match="no linear or convolution"):
        own_loops.start(name, model=nn.LayerNorm(3))
    with pytest.raises(TypeError, match="must be a torch.nn.Module"):
        getattr(espalier, name)(list(model.parameters()), other, **ARGUMENTS[name])


@pytest.mark.parametrize("name", ["RigL", "SET"])
def test_an_argument_that_is_none_has_its_default(name: str) -> None:
    unset = dict.fromkeys(("density", "frequency", "drop_fraction", "stop", "allocation"))
    model = loops.network()
    optimizer = own_loops.adamw(model.parameters())
    kind = getattr(espalier, name)
    assert (
        kind(model, optimizer, total_steps=900, **unset).method
        == kind(model, optimizer, total_steps=900).method
    )


def test_a_state_of_something_else_is_refused() -> None:
    saved = own_loops.start("SET")[2].state_dict()
    with pytest.raises(ValueError, match="is of SET, and this is a RigL"):
        own_loops.start("RigL")[2].load_state_dict(saved)
    with pytest.raises(ValueError, match="has the shape .* here and None there"):
        own_loops.start("SET", model=plain_network())[2].load_state_dict(saved)


@pytest.mark.parametrize("name", ["RigL", "MovementPruning"])
def test_compiled_steps_do_the_same(name: str) -> None:
    """The model and the step, compiled; decisions are taken outside of any graph."""
    plain, compiled = (own_loops.start(name, own_loops.torchs_adamw) for _ in range(2))
    own_loops.train(plain, 0, 10)
    model, optimizer, method = compiled
    forward = torch.compile(model, backend="aot_eager")

    def both() -> None:
        optimizer.step()
        method.step()

    step_all = torch.compile(both, backend="eager")
    for step in range(10):
        model.zero_grad()
        x, y = loops.batch(step)
        F.cross_entropy(forward(x), y).backward()
        step_all()
    assert method.steps == 10
    assert torch.equal(masks(plain), masks(compiled))


class SOAP(torch.optim.SGD):
    """Stands for the published one, of whatever package."""


class Wrapping(torch.optim.SGD):
    def __init__(self, parameters: Any, inner: torch.optim.Optimizer) -> None:
        super().__init__(parameters, lr=0.1)
        self.inner = inner


@every
def test_an_optimizer_with_moments_of_rotated_weights_is_refused(name: str) -> None:
    model = own_loops.start(name)[0]
    kind = getattr(espalier, name)
    rotated = SOAP(model.parameters(), lr=0.1)
    for optimizer in (rotated, Wrapping(model.parameters(), rotated)):
        for group in optimizer.param_groups:
            group["betas"] = (0.9, 0.999)
        with pytest.raises(ValueError, match="^optimizer: SOAP keeps moments of rotated weights"):
            kind(model, optimizer, **ARGUMENTS[name])


def test_layers_of_another_kind_are_refused() -> None:
    model, optimizer, _ = own_loops.start("StaticSparse")
    with pytest.raises(ValueError, match="^layers=3 must be names of layers"):
        espalier.StaticSparse(model, optimizer, layers=3)


@every
@pytest.mark.parametrize("change", ["none", "step", "method"])
def test_a_state_that_is_not_whole_is_refused(name: str, change: str) -> None:
    method = own_loops.start(name)[2]
    state: Any = method.state_dict()
    if change == "none":
        state = None
    else:
        del state[change]
    with pytest.raises(ValueError, match=r"^state_dict: (is a NoneType|has no (step|method)$)"):
        method.load_state_dict(state)


PRUNED = ("MagnitudePruning", "MovementPruning", "StatePruning", "StaticSparse")


class Around(torch.optim.Optimizer):
    """Leaves all to another, as Lookahead does most of the time."""

    def __init__(self, parameters: Any) -> None:
        self.inner = torch.optim.AdamW(parameters, lr=0.01)
        super().__init__(self.inner.param_groups, {})

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        self.inner.step(closure)


@pytest.mark.filterwarnings("ignore:Around. none of its class")
@every
def test_state_of_a_wrapped_optimizer_is_zeroed_and_read(name: str) -> None:
    wrapped, plain = (own_loops.start(name, kind) for kind in (Around, own_loops.torchs_adamw))
    for trained in (wrapped, plain):
        own_loops.train(trained, 0, 25)
    if (
        name in PRUNED
    ):  # nothing is born there, which is not exact under a class that cannot be made
        assert torch.equal(masks(wrapped), masks(plain))
    optimizer: Any = wrapped[1]
    dead = wrapped[2].masks.split(masks(wrapped))
    for weight, where in zip(wrapped[2].masks.weights, dead, strict=True):
        assert not optimizer.inner.state[weight]["exp_avg"][where].any()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (
            torch.optim.Adamax,
            "keeps no second moment, which bitter0 reads: take importance='power'",
        ),
        (torch.optim.SGD, "keeps no first moment and second moment, .* take MagnitudePruning"),
    ],
)
def test_an_optimizer_without_the_moments_that_are_read_is_refused(kind: Any, error: str) -> None:
    model = loops.network()
    with pytest.raises(TypeError, match=rf"^optimizer: {kind.__name__} {error}"):
        espalier.StatePruning(model, kind(model.parameters()), **ARGUMENTS["StatePruning"])


def test_an_optimizer_that_says_what_it_keeps_is_believed() -> None:
    model = loops.network()
    optimizer = Muon(ends=True).build(model, 0.01)
    with pytest.raises(TypeError, match="MuonOptimizer keeps no second moment, which bitter7"):
        espalier.StatePruning(
            model, optimizer, **{**ARGUMENTS["StatePruning"], "importance": "bitter7"}
        )
    own = {**ARGUMENTS["StatePruning"], "importance": "power"}
    pruned = espalier.StatePruning(model, optimizer, **own)
    for step in range(25):
        loops.backward(model, step)
        optimizer.step()
        pruned.step()
        pruned.masks.assert_masked(optimizer)
    assert pruned.sparsity > 0.5


def test_the_family_takes_the_square_of_a_momentum_for_a_second_moment() -> None:
    model = loops.network()
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.5)
    pruned = espalier.StatePruning(
        model, optimizer, **ARGUMENTS["StatePruning"], importance="power", power=0.5
    )
    loops.backward(model, 0)
    optimizer.step()
    out = torch.empty(loops.PRUNABLE)
    pruned.method.scores(pruned.run).fill(out)  # type: ignore[attr-defined]
    rows = [(w.detach(), optimizer.state[w]["momentum_buffer"]) for w in pruned.masks.weights]
    by_hand = [w.abs() * (m**2 + 1e-8) ** 0.5 for w, m in rows]
    assert torch.allclose(out, torch.cat([x.flatten() for x in by_hand]), rtol=1e-6)


@pytest.mark.parametrize("name", ["SNFS", "MovementPruning"])
def test_a_scaler_that_is_none_is_refused(name: str) -> None:
    model, optimizer, _ = own_loops.start(name)
    with pytest.raises(TypeError, match=r"^scaler: must be a torch.amp.GradScaler, not int"):
        getattr(espalier, name)(model, optimizer, scaler=3, **ARGUMENTS[name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"warmup_steps": 3}, "warmup_steps: means nothing where timing='start'"),
        ({"timing": "one_shot"}, "ramp_end_step: must be given where timing='one_shot'"),
        ({"timing": "rounds"}, "total_steps: must be given where timing='rounds'"),
        ({"timing": "rounds", "total_steps": 3, "rounds": 3}, "lower rounds or rewind_step"),
        ({"timing": "later"}, "timing='later': must be"),
        ({"batches": []}, "batches: has no batch"),
        ({"criterion_batches": 0}, "criterion_batches"),
        ({"loss": partial(F.cross_entropy, reduction="none")}, "loss: returns"),
    ],
)
def test_options_of_a_criterion_that_make_no_sense_are_refused(
    options: dict[str, Any], message: str
) -> None:
    model = loops.network()
    built = own_loops.adamw(model.parameters())
    with pytest.raises(ValueError, match=message):
        espalier.SnipPruning(model, built, **{**own_loops.SAMPLES, **options})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("SRigL", {"min_salient": 1.5}, "^min_salient=1.5: must be at least 0 and at most 1"),
        ("CHTs", {"score": "ch4"}, "^score='ch4': must be one of ch2_l3n, ch3_l3n"),
        ("CHTs", {"last_exponent": -1}, "^last_exponent=-1: must be at least 0 and at most 100"),
    ],
)
def test_options_of_rewiring_that_make_no_sense_are_refused(
    name: str, options: dict[str, Any], message: str
) -> None:
    model = loops.network()
    built = own_loops.adamw(model.parameters())
    with pytest.raises(ValueError, match=message):
        getattr(espalier, name)(model, built, **{**ARGUMENTS[name], **options})


@pytest.mark.parametrize("again", [copy.deepcopy, pickled])
def test_lottery_tickets_are_those_of_the_harness(again: Callable[[Trained], Trained]) -> None:
    when = {"timing": "rounds", "rounds": 2, "rewind": "weights", "rewind_step": 3}
    model = loops.network()
    optimizer = AdamW(weight_decay=0.01).build(model, 0.01)
    method = espalier.MagnitudePruning(model, optimizer, total_steps=24, **when)  # type: ignore[arg-type]
    trained = model, optimizer, method
    own_loops.train(trained, 0, 12)
    trained = again(trained)
    own_loops.train(trained, 12, 24)
    plan = PruningPlan(target=0.7, **when)  # type: ignore[arg-type]
    run = loops.run_of(AdamW(weight_decay=0.01), Magnitude(plan), epochs=4)
    loops.train(run, 24)
    assert loops.same(loops.values(trained[0]), loops.values(run.model))
    assert trained[2].measures()["discarded_updates"] == 14
