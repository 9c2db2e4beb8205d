"""Growth of the edges of ordinary models: exact, masked, the same every time, and resumed."""

import loops
import pytest
import torch
import trial_tasks

from espalier.core.contracts import CannotTrain
from espalier.core.trial import Status
from espalier.methods.growth.action_tournament import ActionSpace, TournamentOptions
from espalier.methods.growth.grow import Grow
from espalier.methods.growth.patches import Patches
from espalier.methods.growth.proportional import Proportional
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule
from espalier.methods.growth.tournament import Tournament
from espalier.optimizers.adam import Adam
from espalier.optimizers.sgd import SGD
from espalier.sparse.initial_edges import EdgePlan
from espalier.train import worker_entry

FOUR = GrowthSchedule(events=4, stop=0.6)  # in the first 28 of 48 steps
THIN = EdgePlan(density=0.3)  # 32 of 107: 8 of 27, 18 of 60 and 6 of 20
RULES = ("gradient", "extrema", "random")
PATCHED = {"schedule": FOUR, "plan": THIN, "revive": None, "sources": 2, "targets": 2}
METHODS = {
    **{f"grow-{rule}": Grow(schedule=FOUR, plan=THIN, to=0.6, where=rule) for rule in RULES},
    **{f"patches-{rule}": Patches(where=rule, **PATCHED) for rule in (*RULES, "scattered")},
    "proportional": Proportional(schedule=FOUR, plan=THIN, skips=None),
    "proportional-grows": Proportional(schedule=FOUR, plan=THIN, skips=None, prune=False),
}


@torch.no_grad()
def logits(run):
    run.model.eval()
    outputs = run.model(run.train.x)
    run.model.train()
    return outputs


class Watched:
    """Keeps the logits around each event of a method."""

    def __init__(self, monkeypatch, method):
        self.gaps = []
        act = type(method).act

        def watched(method, run, max_edges):
            before = logits(run)
            act(method, run, max_edges)
            self.gaps.append(torch.equal(before, logits(run)))

        monkeypatch.setattr(type(method), "act", watched)


@pytest.mark.parametrize("name", METHODS)
def test_what_comes_changes_no_logit_and_is_counted(name, monkeypatch):
    watched = Watched(monkeypatch, METHODS[name])
    run = loops.run_of(Adam(), METHODS[name])
    assert run.method_state.net.live == 32
    loops.train(run, 48)  # which asserts after each step that missing edges and their state are 0
    measures = run.method.measures(run)
    assert measures["growth_events"] == len(watched.gaps) == 4
    if name == "proportional":
        assert measures["live_edges"] == 32 and measures["edges_dropped"] == 16
    else:
        assert all(watched.gaps) and measures["edges_dropped"] == 0
        # to 0.6 of each layer, as many again, or 0.1 of what there is four times, rounded up
        assert measures["live_edges"] == {"proportional-grows": 49}.get(name, 64)
    assert measures["live_edges"] == 32 + measures["edges_added"] - measures["edges_dropped"]
    assert measures["live_edges"] == sum(
        map(int, (m.sum() for m in run.method_state.net.edges.live))
    )
    assert measures["live_parameters"] == measures["live_edges"] + 3 + 3 + 3 + 5 + 4


@pytest.mark.parametrize(
    ("name", "at"), [("grow-extrema", 3), ("patches-gradient", 20), ("proportional", 20)]
)
def test_a_run_that_is_resumed_is_the_run(name, at):
    whole = loops.train(loops.run_of(Adam(), METHODS[name]), 48)
    half = loops.train(loops.run_of(Adam(), METHODS[name]), at)
    resumed = loops.train(loops.resume(loops.run_of(Adam(), METHODS[name]), half), 48 - at)
    assert loops.same(loops.values(whole.model), loops.values(resumed.model))
    assert whole.method_state.editor.events == resumed.method_state.editor.events
    assert whole.method_state.growths() == resumed.method_state.growths()


def test_patches_of_a_convolution_are_whole_kernels():
    run = loops.run_of(
        SGD(), Patches(where="random", **{**PATCHED, "plan": EdgePlan(density=0.05)})
    )
    block = run.method_state.net.block(0, 1)
    old = block.mask.clone()
    loops.train(run, 48)
    kernels = block.mask.view(3, 1, 9)[(block.mask & ~old).any(1)]
    assert len(kernels) == 0 or sum(bool(kernel.all()) for kernel in kernels) >= len(kernels) - 1


def test_births_are_of_each_weight():
    run = loops.train(loops.run_of(Adam(), METHODS["grow-gradient"]), 30)
    record = run.method.birth_record(run)
    assert [growth.layers for growth in record.growths()] == [("0", "4", "6")] * 4
    births = record.birth_steps(run.model[4].weight)
    assert births.shape == (5, 12) and record.birth_steps(run.model[4].bias) is None
    steps = [growth.step for growth in record.growths()]
    assert sorted(births[births > 0].unique().tolist()) == steps == [7, 14, 21, 28]


@pytest.mark.parametrize(
    ("method", "reason", "said"),
    [
        (Grow(plan=THIN, to=0.3), "nothing_to_grow", "lower CONFIG_SPARSE_DENSITY"),
        (Patches(**{**PATCHED, "plan": EdgePlan(density=0.9)}), "no_place_for_patches", "room"),
        (Grow(plan=EdgePlan(density=0.01)), "layer_without_edges", "CONFIG_SPARSE_DENSITY=0.01"),
    ],
    ids=["grow", "patches", "density"],
)
def test_trials_that_make_no_sense(method, reason, said):
    with pytest.raises(CannotTrain, match=said) as caught:
        loops.run_of(Adam(), method)
    assert caught.value.reason == reason


def held(run):
    tensors = [*run.model.state_dict().values(), *run.method_state.net.edges.births]
    state = run.optimizer.state_dict()["state"]
    tensors += [x for each in state.values() for x in each.values() if torch.is_tensor(x)]
    return [tensor.clone() for tensor in tensors]


def test_a_tournament_offers_what_changes_a_mask_and_its_trials_leave_nothing_behind():
    options = TournamentOptions(steps=5, judge="loss", level=1.0, min_gain=0.0)
    space = ActionSpace(size=4, skips=None, actions="all")
    method = Tournament(schedule=FOUR, plan=THIN, actions=space, pick="best", options=options)
    run = loops.train(loops.run_of(Adam(), method), 6)
    before, noise = held(run), torch.get_rng_state()
    entries = options.try_all(run, space.candidates(run, 100))
    kinds = [entry.candidate.action for entry in entries]
    assert [kinds.count(k) for k in ("edges", "random", "patch", "rewire")] == [3, 1, 3, 1]
    assert len(kinds) == 8 and len({entry.gain for entry in entries}) > 4
    assert loops.same(before, held(run)) and torch.equal(noise, torch.get_rng_state())
    measures = method.measures(loops.train(run, 42))
    assert measures["trial_updates"] == 4 * 8 * 5
    assert measures["actions_left_out"] == "clone highway insert skip widen"


SMALL = {"TRAIN_SUBSET": "40", "BATCH_SIZE": "8", "NUM_EPOCHS": "2", "GROWTH_EVENTS": "2"}
ALL = {"TOURNAMENT_ACTIONS": "all", "TOURNAMENT_STEPS": "3", "TOURNAMENT_EDGES": "9"}
ALL |= {"TOURNAMENT_JUDGE": "loss", "TOURNAMENT_LEVEL": "1", "TOURNAMENT_GAIN": "0"}


@pytest.mark.parametrize(
    "changes",
    [
        {"MODEL": "lenet5", "PRUNING_METHOD": "grow", "RATES": "age"},
        {"MODEL": "lenet5", "PRUNING_METHOD": "patches", "PATCHES_WHERE": "extrema"},
        {**trial_tasks.TEXT, "MODEL": "charlm", "PRUNING_METHOD": "grow", "GROW_WHERE": "extrema"},
        {**trial_tasks.TEXT, "MODEL": "charlm", "PRUNING_METHOD": "proportional"},
        {**trial_tasks.TEXT, "MODEL": "charlm", "PRUNING_METHOD": "tournament", **ALL},
    ],
    ids=["lenet5-grow", "lenet5-patches", "charlm-grow", "charlm-proportional", "charlm-all"],
)
def test_a_trial_of_an_ordinary_model(changes, tmp_path):
    settings = {**trial_tasks.SETTINGS, "DEBUG_CHECKS": "y"}
    task = trial_tasks.task({**SMALL, **changes}, settings, tmp_path)
    tmp_path.joinpath(task.directory).mkdir(parents=True, exist_ok=True)
    result = worker_entry.train_trial(task)
    assert result.status is Status.PASSED, result.message
    assert result.measures["growth_events"] >= 1 and result.measures["edges_added"] > 0
