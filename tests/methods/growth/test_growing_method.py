"""What all methods share that grow masked blocks, and `grow`: counts, moments, function, state."""

import csv
import dataclasses
import math

import loops
import pytest
import torch
from growth_beds import total

from espalier.core.birth_record import GrowthEvent
from espalier.core.contracts import CannotTrain
from espalier.core.samples import Split
from espalier.layers.masked_blocks import edges
from espalier.methods.growth.grow import Grow
from espalier.methods.growth.growth_table import TABLE
from espalier.methods.growth.highways import Highways
from espalier.methods.growth.indefinite import Indefinite
from espalier.methods.growth.patches import Patches
from espalier.methods.growth.proportional import Proportional
from espalier.methods.growth.timing.growth_credits import CreditOptions, GrowthBudget
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule, VarianceOptions
from espalier.optimizers.adam import Adam
from espalier.optimizers.adamw import AdamW
from espalier.optimizers.sgd import SGD

TWENTY = GrowthSchedule(events=20, stop=0.6)  # in the first 28 of 48 steps
OPTIMIZERS = {"adam": Adam(), "adamw": AdamW(), "sgd": SGD(momentum=0.9, weight_decay=0.1)}
RULES = ["gradient", "extrema", "random"]
PAID = GrowthBudget("credits", CreditOptions(rate=80.0, price=1.0, doubling=1e6, smoothing=0.0))
NOISY = GrowthSchedule(
    events=3, stop=0.9, trigger="variance", variance=VarianceOptions(window=50, reference=2)
)


def run_of(method, optimizer=None, density=0.2, **more):
    model = loops.blocks_network(density=density)
    return loops.run_of(optimizer or Adam(), method, model=model, **more)


def earning(method):
    """A run that learns, of 96 steps: at lower densities this network knows no more than chance."""
    return trained(run_of(method, density=0.5, lr=0.03, epochs=16), 96)


def trained(run, steps):
    """As `loops.train`, with the ends of epochs."""
    for _ in range(steps):
        loops.train(run, 1)
        if run.step % run.steps_per_epoch == 0:
            run.epoch += 1
            run.method.after_epoch(run)
    return run


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def learnable(monkeypatch):
    """Labels that can be told: the brightest of the first four pixels."""
    plain = loops.split

    def split(seed=1):
        x = plain(seed).x
        return Split(x, x.flatten(1)[:, :4].argmax(1))

    monkeypatch.setattr(loops, "split", split)


@dataclasses.dataclass(frozen=True)
class Watched(Grow):
    """Keeps the logits around each event."""

    def act(self, run, max_edges):
        before = logits(run)
        super().act(run, max_edges)
        gaps = vars(run.method_state.memory).setdefault("gaps", [])
        gaps.append(float((logits(run) - before).abs().max()))


@torch.no_grad()
def logits(run):
    return run.model(run.train.x)


@pytest.mark.parametrize("where", RULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_block_has_its_edges_exactly_after_20_events(where, name):
    run = run_of(Grow(schedule=TWENTY, to=0.7, where=where), OPTIMIZERS[name])
    before = run.model.ledger()
    loops.train(run, 48)  # which checks masks, births and optimizer state after every step
    assert len(run.method_state.steps) == 20
    sizes = {p: b.mask.numel() for p, b in run.model.each()}
    assert sizes == {(0, 1): 112, (1, 2): 42, (2, 3): 30, (3, 4): 20}
    assert before == {p: edges(0.2, n) for p, n in sizes.items()}
    assert run.model.ledger() == {(0, 1): 78, (1, 2): 29, (2, 3): 21, (3, 4): 14}
    measures = run.method.measures(run)
    assert measures["edges_added"] == 142 - sum(before.values())
    assert (measures["growth_events"], measures["edges_dropped"]) == (20, 0)
    assert measures["live_edges"] == 142 and measures["live_parameters"] == 142 + 22
    assert measures["sparsity"] == pytest.approx(1 - 142 / 204)
    assert measures["target_sparsity"] == 0.3


def test_a_block_gets_the_same_number_each_time():
    run = run_of(Grow(schedule=TWENTY, to=0.7))
    loops.train(run, 48)
    added = [e.added for e in run.method_state.editor.events if e.where == "0_1"]
    assert added == [3] * 16 + [2] * 4  # 56 in 20 events: ceil(56/20), ceil(53/19), ...


@pytest.mark.parametrize("where", RULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_event_changes_what_the_network_computes(where, name, double):
    run = run_of(Watched(schedule=TWENTY, to=0.7, where=where), OPTIMIZERS[name])
    trained(run, 48)
    gaps = run.method_state.memory.gaps
    assert len(gaps) == 20 and max(gaps) < 1e-6
    assert run.method.measures(run)["event_drop"] == 0


def test_a_weight_off_the_mask_is_noticed():
    run = run_of(Grow(to=0.7))
    block = run.model.block(0, 1)
    with torch.no_grad():
        block.weight[(~block.mask).nonzero(as_tuple=True)] = 1e-30
    with pytest.raises(AssertionError, match="off the mask"):
        run.method.check(run)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_not_there_has_no_weight_and_no_state(name):
    run = run_of(Grow(schedule=TWENTY, to=0.7), OPTIMIZERS[name])
    for _ in range(48):
        loops.train(run, 1)
        for _, block in run.model.each():
            held = run.optimizer.state[block.weight].values()
            for tensor in (block.weight, *(t for t in held if torch.is_tensor(t) and t.ndim)):
                assert not tensor[~block.mask].any()


def test_newborn_edges_are_0_and_as_old_as_they_are():
    run = run_of(Grow(schedule=GrowthSchedule(events=1, stop=0.25), to=0.7))  # after step 12
    loops.train(run, 12)
    for _, block in run.model.each():
        new = block.births == 12
        assert int(new.sum()) == edges(0.7, new.numel()) - edges(0.2, new.numel())
        assert not block.weight[new].any()
        assert not any(run.optimizer.state[block.weight][k][new].any() for k in ("exp_avg",))
    loops.train(run, 1)
    assert all(bool(b.weight[b.births == 12].any()) for _, b in run.model.each())


@pytest.mark.parametrize(
    "method",
    [
        Grow(schedule=TWENTY, to=0.7),
        Grow(schedule=TWENTY, to=0.7, where="extrema"),
        Grow(schedule=TWENTY, budget=PAID, to=1.0, where="random"),
        Grow(schedule=NOISY, to=0.9),
    ],
)
@pytest.mark.parametrize("steps", [1, 13, 65])
@pytest.mark.usefixtures("learnable")
def test_going_on_from_a_saved_state_is_exact(method, steps):
    def fresh():
        return run_of(method, density=0.5, lr=0.03, epochs=40 if method.schedule.variance else 16)

    straight, first, second = (trained(fresh(), n) for n in (96, steps, 20))  # the last went astray
    trained(loops.resume(second, first), 96 - steps)
    assert loops.same(loops.values(straight.model), loops.values(second.model))
    assert straight.method.measures(straight) == second.method.measures(second)
    for part in ("noise", "ledger", "setbacks", "steps"):
        assert method.state_dict(straight)[part] == method.state_dict(second)[part]


def test_moments_by_the_clock():
    def steps(schedule, total):
        return [s for s in range(1, total + 1) if schedule.is_due(s, total, False, 0)]

    assert steps(GrowthSchedule(6, 0.6), 48) == [5, 10, 14, 19, 24, 28]  # ceil(k 28 / 6)
    # never after the last update
    assert steps(GrowthSchedule(6, 1.0), 100) == [17, 33, 50, 66, 83, 99]
    assert steps(GrowthSchedule(1, 0.5), 10) == [5]
    assert steps(GrowthSchedule(5, 0.5), 10) == [1, 2, 3, 4, 5]
    left = [GrowthSchedule(6, 0.6).events_left(s, 48, 0) for s in (1, 5, 6, 10, 11, 28, 29)]
    assert left == [6, 6, 5, 5, 4, 1, 0]


def test_a_run_grows_at_those_steps():
    run = run_of(Grow(to=0.7))
    loops.train(run, 48)
    assert run.method_state.steps == [5, 10, 14, 19, 24, 28]
    assert sorted({e.step for e in run.method_state.editor.events}) == run.method_state.steps


def noisy(run, sigmas):
    """Updates at a rate of 0 with one batch, whose loss is multiplied by e^(sigma noise)."""
    generator = torch.Generator().manual_seed(3)
    for group in run.optimizer.param_groups:
        group["lr"] = 0.0
    for sigma in sigmas:
        run.model.zero_grad()
        factor = torch.exp(sigma * torch.randn((), generator=generator))
        x, y = loops.batch(0)
        (torch.nn.functional.cross_entropy(run.model(x), y) * factor).backward()
        run.method.after_backward(run)
        run.optimizer.step()
        run.step += 1
        run.method.after_step(run)
    return run.method_state.steps


def test_a_jump_of_the_noise_makes_it_grow_within_two_windows():
    run = run_of(Grow(schedule=NOISY, to=0.9), SGD(), epochs=100)
    steps = noisy(run, [0.1] * 200 + [0.4] * 100)
    assert steps and 200 < steps[0] <= 300
    left = run.method.events_left(run)
    assert left == 3 - len(steps)


def test_noise_that_stays_as_it_is_does_not():
    run = run_of(Grow(schedule=NOISY, to=0.9), SGD(), epochs=100)
    assert noisy(run, [0.2] * 500) == []
    assert run.model.live == sum(edges(0.2, b.mask.numel()) for _, b in run.model.each())


def test_the_trigger_begins_anew_after_growth():
    run = run_of(Grow(schedule=NOISY, to=0.9), SGD(), epochs=100)
    first = noisy(run, [0.1] * 200 + [0.4] * 100)[0]
    assert len(run.method_state.variance.history) <= 300 - first


def test_a_gradient_that_is_no_number_is_left_to_the_loop():
    run = run_of(Grow(schedule=NOISY, to=0.9), epochs=100)
    loops.backward(run.model, 0)
    next(run.model.parameters()).grad[0, 0] = math.inf
    run.method.after_backward(run)
    assert run.method_state.variance.history == []


@pytest.mark.usefixtures("learnable")
def test_growth_is_paid_for_and_never_on_credit():
    run = earning(Grow(schedule=TWENTY, budget=PAID, to=1.0))
    before = loops.blocks_network(density=0.5).live
    ledger = run.method_state.ledger
    spent = total(ledger, "payment")
    assert spent > 0 and ledger.balance >= 0
    assert ledger.balance == pytest.approx(total(ledger, "income") - spent, abs=1e-9)
    assert run.method.measures(run)["credits"] == ledger.balance
    paid = [entry for entry in ledger.entries if entry.kind == "payment"]
    assert sum(entry.added for entry in paid) == run.model.live - before
    assert all(entry.added > 0 for entry in paid)
    assert len(paid) == len(run.method_state.steps)


@pytest.mark.usefixtures("learnable")
def test_nothing_is_paid_where_nothing_grew():
    @dataclasses.dataclass(frozen=True)
    class Idle(Grow):
        def act(self, run, max_edges):
            assert max_edges > 0

    run = earning(Idle(schedule=TWENTY, budget=PAID, to=1.0))
    assert total(run.method_state.ledger, "payment") == 0
    assert total(run.method_state.ledger, "income") > 0
    assert run.method_state.steps == [] and "event_drop" not in run.method.measures(run)


def test_a_network_that_knows_nothing_earns_nothing_and_does_not_grow():
    run = run_of(Grow(schedule=TWENTY, budget=PAID, to=0.9))
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.zero_()
    for group in run.optimizer.param_groups:
        group["lr"] = 0.0
    before = run.model.live
    trained(run, 48)
    assert total(run.method_state.ledger, "income") == pytest.approx(0, abs=1e-9)
    assert run.model.live == before


@pytest.mark.parametrize("where", ["gradient", "random"])
@pytest.mark.usefixtures("learnable")
def test_twice_the_price_buys_half_as_much(where):
    def added(price):
        credits = GrowthBudget("credits", dataclasses.replace(PAID.credits, price=price))
        run = earning(Grow(TWENTY, credits, to=1.0, where=where))
        assert run.model.density < 1
        return run.method.measures(run)["edges_added"]

    assert added(2.0) / added(1.0) == pytest.approx(0.5, rel=0.2)


def test_a_validation_that_is_no_number_is_left_to_the_loop():
    run = run_of(Grow(budget=PAID, to=0.9))
    with torch.no_grad():
        next(run.model.parameters()).fill_(math.nan)
    run.epoch = 1
    run.method.after_epoch(run)
    assert run.method_state.ledger.entries == []


def test_ages_are_told_to_whoever_sets_rates():
    run = run_of(Grow(to=0.7))
    loops.train(run, 11)
    record = run.method.birth_record(run)
    block = run.model.block(0, 1)
    assert record.birth_steps(block.weight) is block.births
    assert record.birth_steps(block.bias) is None
    every = ("blocks.0_1", "blocks.1_2", "blocks.2_3", "blocks.3_4")
    assert record.growths() == [GrowthEvent(5, every), GrowthEvent(10, every)]
    assert set(every) <= {name for name, _ in run.model.named_modules()}
    assert record.growths() is record.growths()  # until the next event
    loops.train(run, 3)
    assert [g.step for g in record.growths()] == [5, 10, 14]


def test_it_is_unfinished_until_the_last_moment():
    run = run_of(Grow(to=0.7))
    seen = []
    for _ in range(48):
        loops.train(run, 1)
        seen.append(run.method.unfinished(run))
    assert seen == [True] * 27 + [False] * 21
    assert not run_of(Grow(schedule=NOISY, to=0.9), epochs=40).method.unfinished(run)


def test_the_table_of_operations(tmp_path):
    run = run_of(Grow(to=0.7))
    run.method.write(run, tmp_path)
    assert not (tmp_path / TABLE).exists()
    loops.train(run, 6)
    run.method.write(run, tmp_path)
    with (tmp_path / TABLE).open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["where"] for line in lines] == ["0_1", "1_2", "2_3", "3_4"]
    assert int(lines[-1]["live"]) == run.model.live and lines[0]["step"] == "5"


@pytest.mark.parametrize(
    ("method", "reason", "said"),
    [
        (Grow(to=0.2), "nothing_to_grow", "CONFIG_GROW_TO=0.2 is no more than what there is"),
        (
            Grow(schedule=GrowthSchedule(30, 0.6), to=0.7),
            "growth_never_starts",
            "28 of 48 steps: lower",
        ),
        (Grow(schedule=NOISY, to=0.7), "growth_never_starts", "first fire after step 150, but"),
    ],
)
def test_trials_that_make_no_sense(method, reason, said):
    with pytest.raises(CannotTrain, match=said) as caught:
        run_of(method)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "method",
    [
        Highways(),
        Indefinite(),
        Patches(kind="hidden"),
        Patches(revive=True),
        Proportional(skips=0.2),
    ],
    ids=["highways", "indefinite", "hidden", "revive", "skips"],
)
def test_what_needs_a_graph_wants_masked_blocks(method):
    with pytest.raises(CannotTrain, match="of a Sequential .*: set CONFIG_MODEL=blocks") as caught:
        loops.run_of(Adam(), method)
    assert caught.value.reason == "nothing_to_grow"


def test_arms_with_one_seed_begin_with_the_same_edges():
    first, second = (run_of(Grow(to=0.7, where=where)) for where in ("random", "gradient"))
    assert loops.same(loops.values(first.model), loops.values(second.model))
    assert loops.same(list(first.model.buffers()), list(second.model.buffers()))


def test_events_are_followed_on_validation():
    run = run_of(Grow(schedule=GrowthSchedule(events=1, stop=0.25), to=0.7))  # after step 12
    run.validation = Split(run.train.x[:10], run.train.y[:10])
    trained(run, 11)
    loops.train(run, 1)
    (seen,) = run.method_state.event_costs.events
    hits = (logits(run)[:10].argmax(1) == run.train.y[:10]).sum()
    assert (seen.step, seen.before, seen.after) == (12, 10.0 * float(hits), 10.0 * float(hits))
    run.epoch = 2
    run.method.after_epoch(run)
    assert "epoch_drop" not in run.method.measures(run)
    trained(run, 6)
    hits = (logits(run)[:10].argmax(1) == run.train.y[:10]).sum()
    assert seen.later == 10.0 * float(hits)
    assert run.method.measures(run)["epoch_drop"] == seen.before - seen.later
