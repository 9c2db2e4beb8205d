"""Tournaments: actions that are exact, trials that leave nothing behind, winners that earned it."""

import growth_beds
import pytest
import torch
from torch import Tensor

from espalier.core.contracts import Method, Run
from espalier.core.samples import Split
from espalier.methods.growth import action_tournament
from espalier.methods.growth.action_tournament import (
    ActionSpace,
    TournamentEntry,
    TournamentOptions,
)
from espalier.methods.growth.growth_actions import FAN, ActionCandidate, candidates, toolbox
from espalier.methods.growth.structure import operations
from espalier.methods.growth.structure.edge_editor import mask_indices
from espalier.methods.growth.timing.growth_state import GrowthState, Memory

SAMPLES = 96


def run_of(seed: int = 0, optimizer: str = "adamw") -> Run:
    """A network of 9-7-6-5-4 units on labels that its inputs tell, after some updates."""
    made = growth_beds.editor(seed, optimizer)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(SAMPLES, 9, generator=generator, dtype=torch.float64)
    data = Split(x, x[:, :4].argmax(1))
    random = {"method": made.generator}
    run = Run(made.net, made.optimizer, Method(), data, data, 10, 16, random, step=made.step)
    run.method_state = GrowthState(made, Memory())
    return run


def everything(run: Run) -> list[Tensor]:
    state = run.optimizer.state
    held = [v for p in run.model.parameters() for v in state[p].values() if torch.is_tensor(v)]
    return [x.clone() for x in (*run.model.state_dict().values(), *held)]


def entrant(
    gain: float, error: float = 0.01, added: int = 10, action: str = "edges"
) -> TournamentEntry:
    return TournamentEntry(ActionCandidate(action, "0_1", lambda: None), added, gain, error, 0)


def entrants(run: Run, trials: TournamentOptions) -> list[TournamentEntry]:
    return trials.try_all(run, ActionSpace(6).candidates(run, 1000))


def outcomes(entries: list[TournamentEntry]) -> list[tuple[str, str, int, float]]:
    return [(e.candidate.action, e.candidate.where, e.added, e.gain) for e in entries]


def test_every_action_leaves_the_logits_and_adds_what_it_says() -> None:
    run = run_of()
    tried = list(candidates(run, 6))
    assert [c.action for c in tried].count("widen") == 3
    assert [c.action for c in tried].count("insert") == 3
    assert {c.where for c in tried if c.action == "skip"} == {
        "0_2", "0_3", "1_3", "0_4", "1_4", "2_4",
    }  # fmt: skip
    for candidate in tried:
        before, live = growth_beds.logits(run.model), run.model.live
        change = candidate.act()
        assert change is not None
        assert float((growth_beds.logits(run.model) - before).abs().max()) < 1e-12
        added = run.model.live - live
        if candidate.action in ("edges", "skip", "random"):
            assert added == 6
        elif candidate.action == "insert":
            assert added == run.model.sizes[int(candidate.where)]
        else:
            assert 2 <= added <= 2 * FAN
        change.roll_back()
        assert run.model.live == live


def test_the_toolbox_leaves_the_logits_too_but_for_rewiring() -> None:
    run = run_of(3)
    growth_beds.kill(run.model, 2, 1)  # a way for a highway
    run.model.block(0, 1).weight.data[2] *= 1e3  # and a hot unit that it begins at
    tried = list(toolbox(run, 9))
    kinds = [c.action for c in tried]
    assert [kinds.count(k) for k in ("patch", "clone", "highway", "rewire")] == [7, 2, 1, 1]
    for candidate in tried:
        before, live = growth_beds.logits(run.model), run.model.live
        earlier = len(run.method_state.editor.events)
        change = candidate.act()
        assert change is not None, candidate
        events = run.method_state.editor.events[earlier:]
        added, dropped = sum(e.added for e in events), sum(e.dropped for e in events)
        assert run.model.live == live + added - dropped and 0 < added <= 9
        gap = float((growth_beds.logits(run.model) - before).abs().max())
        assert (gap > 1e-3 and added == dropped) if candidate.action == "rewire" else gap < 1e-9
        run.model.assert_masked(run.optimizer)
        change.roll_back()
        assert torch.equal(growth_beds.logits(run.model), before)


def test_what_is_rewired_costs_the_edges_that_come() -> None:
    run = run_of(3)
    space = ActionSpace(6, skips=False, actions="all")
    entries = TournamentOptions(steps=4).try_all(run, space.candidates(run, 1000))
    added = {e.candidate.action: e.added for e in entries}
    assert added["rewire"] == added["edges"] == 6 and 0 < added["patch"] <= 4
    assert {"clone", "widen", "insert"} <= added.keys() and "skip" not in added


def test_what_a_full_block_lacks_is_nothing() -> None:
    run = run_of()
    blocks = dict(run.model.each())
    run.model.draw(1.0)
    tried = [c for c in candidates(run, 6) if c.where in {"0_1", "1_2", ""}]
    assert len(blocks) == 7 and [c.act() for c in tried if c.action == "edges"] == [None, None]


@pytest.mark.parametrize("optimizer", growth_beds.BUILDS)
def test_trials_leave_no_trace(optimizer: str) -> None:
    run = run_of(optimizer=optimizer)
    before, events = everything(run), list(run.method_state.editor.events)
    entries = entrants(run, TournamentOptions(steps=4))
    assert len(entries) == 3 + 3 + 4 + 6 + 1
    after = everything(run)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert run.method_state.editor.events == events


def test_how_much_chance_is_used_does_not_depend_on_what_comes_of_it() -> None:
    first, second = run_of(), run_of()
    entrants(first, TournamentOptions(steps=4))
    entrants(second, TournamentOptions(steps=1, judge="loss"))
    states = [run.generators["method"].get_state() for run in (first, second)]
    assert torch.equal(*states)


def test_a_tournament_is_the_same_every_time() -> None:
    entries = [outcomes(entrants(run_of(), TournamentOptions(steps=4))) for _ in range(2)]
    assert entries[0] == entries[1]


def test_only_what_is_new_is_trained() -> None:
    run = run_of()
    editor = run.method_state.editor
    for action in ("widen", "edges", "insert"):
        candidate = next(c for c in candidates(run, 8) if c.action == action)
        change = candidate.act()
        assert change is not None
        before = {name: p.detach().clone() for name, p in run.model.named_parameters()}
        births = {f"blocks.{n}.weight": b.births.clone() for n, b in run.model.blocks.items()}
        batches = list(run.train.batches(torch.arange(SAMPLES)[None], 16))
        action_tournament.train_newborn(run, batches)
        moved = 0
        for name, parameter in run.model.named_parameters():
            same = parameter == before[name]
            if name in births:
                assert bool(same[births[name] != editor.step].all())
                moved += int((~same).sum())
        assert moved > 0
        run.model.assert_masked(run.optimizer)
        change.roll_back()


def test_biases_of_old_units_stay_and_those_of_new_ones_learn() -> None:
    run = run_of()
    change = next(c for c in candidates(run, 16) if (c.action, c.where) == ("widen", "2")).act()
    assert change is not None
    old = run.model.sizes[2] - len(change.event.units)
    bias = run.model.block(1, 2).bias
    before = bias.detach().clone()
    action_tournament.train_newborn(run, list(run.train.batches(torch.arange(SAMPLES)[None], 16)))
    assert torch.equal(bias[:old], before[:old])
    assert bool((bias[old:] != before[old:]).any())


def test_the_bias_of_an_old_unit_stays_though_all_its_edges_are_new() -> None:
    run = run_of()
    block, editor = run.model.block(0, 1), run.method_state.editor
    operations.drop_edges(
        editor, (0, 1), mask_indices(block.mask & (torch.arange(7) == 3)[:, None])
    )
    editor.events.clear()
    operations.add_edges(editor, (0, 1), (torch.tensor([3, 3]), torch.tensor([0, 5])))
    with torch.no_grad():
        block.bias[3] = 1.0  # it fires, so that edges into it learn
    before = block.bias.detach().clone()
    action_tournament.train_newborn(run, list(run.train.batches(torch.arange(SAMPLES)[None], 16)))
    assert torch.equal(block.bias, before)
    assert bool((block.weight[3, [0, 5]] != 0).any())


def test_the_winner_gains_most_for_each_edge() -> None:
    cheap, dear = entrant(0.5, added=5), entrant(0.8, added=100)
    assert TournamentOptions().winner([dear, cheap], 1000) is cheap
    assert TournamentOptions().winner([dear, cheap], 4) is None
    equal = entrant(1.0, added=10)
    assert TournamentOptions().winner([equal, cheap], 1000) is cheap  # of equals the smaller


def test_nothing_wins_where_gains_are_noise() -> None:
    # z = 2: p = 0.023, which is below 0.05 alone, but not if it is the best of five
    free = TournamentOptions(min_gain=0.0)
    assert free.winner([entrant(0.02)], 1000) is not None
    assert free.winner([entrant(0.02), *[entrant(0.0)] * 4], 1000) is None
    assert TournamentOptions().winner([entrant(-1.0), entrant(0.0, error=0.0)], 1000) is None
    assert TournamentOptions().winner([], 1000) is None


def test_holm_steps_down_from_the_surest() -> None:
    sure, next_sure = entrant(0.1, added=10), entrant(0.0225, added=1)  # p of 1e-23 and 0.0122
    others = [entrant(0.0)] * 3
    free = TournamentOptions(min_gain=0.0)
    assert free.winner([next_sure, sure, *others], 1000) is next_sure  # 0.0122 * 4 < 0.05
    assert free.winner([next_sure, *others, entrant(0.0)], 1000) is None  # * 5


def test_what_gains_little_for_its_edges_does_not_win() -> None:
    sure = TournamentEntry(
        ActionCandidate("edges", "0_1", lambda: None), 100, 0.004, 0.0001, 0
    )  # 0.04 a 1,000
    assert TournamentOptions(min_gain=0.05).winner([sure], 1000) is None
    assert TournamentOptions(min_gain=0.03).winner([sure], 1000) is sure


def test_applied_is_what_was_tried() -> None:
    run = run_of()
    won = next(
        e for e in entrants(run, TournamentOptions(steps=2)) if e.candidate.action == "random"
    )
    live, state = run.model.live, run.generators["method"].get_state()
    action_tournament.apply(run, won)
    assert run.model.live == live + won.added
    assert torch.equal(run.generators["method"].get_state(), state)


def test_skips_may_be_left_out() -> None:
    assert not any(
        c.action == "skip" for c in ActionSpace(6, skips=False).candidates(run_of(), 1000)
    )


@pytest.mark.parametrize("seed", range(4))
def test_anything_is_done_within_the_budget(seed: int) -> None:
    run = run_of(seed)
    live = run.model.live
    ActionSpace(6).act_at_random(run, 3)
    assert live < run.model.live <= live + 3
