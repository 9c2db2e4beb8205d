"""Edges: what is not live is 0 and has no optimizer state; what is new begins as if fresh."""

import copy

import pytest
import torch
from torch import nn

from espalier.sparse.edges import EdgeEvent, Edges
from espalier.sparse.masked_weight import ABSENT, weight_and_state
from espalier.sparse.prunable import prunable
from espalier.surgery.restarts.per_slice_restart import restart_of

RATE = 0.01


class Bed:
    """A network, its optimizer and its edges: the first two inputs of every unit."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), RATE, weight_decay=0.1)
        self.edges = Edges(prunable(self.model), self.optimizer, restart_of(self.optimizer))
        self.x, self.y = torch.randn(2, 8, 4)[0], torch.arange(8) % 2

    def begin(self) -> None:
        live = self.masks()
        for part in live:
            part[:, :2] = True
        self.edges.begin(live)

    def grow(self, layer: int, positions: list[int], step: int) -> None:
        self.edges.change(self.masks(), self.masks(layer, positions), step)

    def drop(self, layer: int, positions: list[int], step: int) -> None:
        self.edges.change(self.masks(layer, positions), self.masks(), step)

    def masks(self, layer: int = 0, positions: list[int] | None = None) -> list[torch.Tensor]:
        masks = [torch.zeros_like(w, dtype=torch.bool) for w in self.edges.weights]
        masks[layer].view(-1)[positions or []] = True
        return masks

    def train(self, steps: int) -> None:
        for _ in range(steps):
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self.model(self.x), self.y).backward()
            self.edges.before_step()
            self.optimizer.step()
            self.edges.after_step()
            self.edges.assert_consistent()


@pytest.fixture
def bed():
    made = Bed()
    made.begin()
    return made


def test_at_first_all_are_live():
    edges = Bed().edges
    assert edges.counts == (12, 6) and edges.masks.pruned == 0
    edges.assert_consistent()


def test_begin(bed):
    assert bed.edges.names == ["0.weight", "2.weight"]
    assert bed.edges.counts == (6, 4) and bed.edges.masks.pruned == 8
    assert bed.edges.births[0].tolist() == [[0, 0, ABSENT, ABSENT]] * 3
    assert torch.equal(bed.edges.births[0].eq(ABSENT), bed.model[0].weight.eq(0))
    assert bed.edges.events == bed.edges.changed == 0


def test_edges_that_are_not_stay_0_under_weight_decay_and_momentum(bed):
    bed.train(5)
    assert torch.count_nonzero(bed.model[0].weight) == 6


def test_grow_and_drop_are_noted(bed):
    bed.train(3)
    bed.drop(0, [0, 5], 3)
    bed.grow(1, [2], 3)
    assert bed.edges.births[0].tolist() == [[-1, 0, -1, -1], [0, -1, -1, -1], [0, 0, -1, -1]]
    assert bed.edges.births[1].tolist() == [[0, 0, 3], [0, 0, -1]]
    assert bed.edges.ledger == [
        EdgeEvent(0, (6, 4), (0, 0), (0, 0)),
        EdgeEvent(3, (4, 4), (2, 0), (0, 0)),
        EdgeEvent(3, (4, 5), (0, 0), (0, 1)),
    ]
    assert (bed.edges.events, bed.edges.changed) == (2, 1)
    bed.train(2)
    assert bed.model[2].weight[0, 2] != 0


@pytest.mark.parametrize(("act", "at"), [("grow", 0), ("drop", 2)])
def test_what_is_there_cannot_come_nor_go_what_is_not(bed, act, at):
    with pytest.raises(ValueError, match=r"0\.weight: what goes must be live"):
        getattr(bed, act)(0, [at], 1)
    assert bed.edges.events == 0 and bed.edges.births[0].flatten()[at] == (0 if at == 0 else ABSENT)


def test_what_went_and_what_came_has_no_optimizer_state(bed):
    bed.train(4)
    bed.edges.change(
        [
            torch.zeros(3, 4, dtype=torch.bool),
            bed.edges.live[1] & torch.tensor([True, False, True]),
        ],
        [~bed.edges.live[0], torch.zeros(2, 3, dtype=torch.bool)],
        4,
    )
    first, last = (weight_and_state(w, bed.optimizer) for w in bed.edges.weights)
    assert all(not tensor[:, 2:].any() for tensor in first.values())
    assert all(not tensor[:, 0].any() for tensor in last.values())
    assert last["exp_avg_sq"][:, 1].all()


def test_a_new_edge_takes_the_first_step_of_a_fresh_adam(bed):
    """Without bias correction of its own it would be 3.2 times as large here."""
    bed.train(200)
    bed.grow(0, [2], 200)
    bed.train(1)
    assert bed.model[0].weight[0, 2].abs().item() == pytest.approx(RATE, rel=1e-3)


def test_biases_are_left_alone(bed):
    before = bed.model[0].bias.detach().clone()
    bed.drop(0, [0], 1)
    assert torch.equal(bed.model[0].bias, before)


def test_going_on_from_a_saved_state_is_exact(bed):
    bed.train(3)
    bed.grow(0, [2, 7], 3)
    bed.train(2)
    saved = [copy.deepcopy(x.state_dict()) for x in (bed.model, bed.optimizer, bed.edges)]
    other = Bed()
    for part, state in zip((other.model, other.optimizer, other.edges), saved, strict=True):
        part.load_state_dict(state)
    for each in (bed, other):
        each.train(4)
        each.drop(0, [2], 9)
        each.train(2)
    assert torch.equal(bed.model[0].weight, other.model[0].weight)
    assert bed.edges.ledger == other.edges.ledger
    assert torch.equal(bed.edges.births[0], other.edges.births[0])


def test_consistency_is_asserted(bed):
    bed.edges.births[0][0, 0] = ABSENT
    with pytest.raises(AssertionError):
        bed.edges.assert_consistent()


def test_births_are_found_by_weight(bed):
    assert bed.edges.birth_steps(bed.model[2].weight) is bed.edges.births[1]
    assert bed.edges.birth_steps(bed.model[2].bias) is None
