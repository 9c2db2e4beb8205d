"""What is live, since when, and what is not 0 though it is not live."""

import torch

from espalier.sparse.edges import LayerEdges
from espalier.sparse.masked_weight import ABSENT, find_births, find_leaks, weight_and_state


def layer() -> LayerEdges:
    births = torch.tensor([[0, 3, ABSENT], [ABSENT, ABSENT, 5]], dtype=torch.int32)
    return LayerEdges("w", torch.zeros(2, 3), births)


def test_what_has_a_birth_step_is_live() -> None:
    assert layer().live_mask.tolist() == [[True, True, False], [False, False, True]]


def test_beginning_forgets_what_was() -> None:
    edges = layer()
    edges.begin(torch.tensor([[False, True, True], [False, False, False]]))
    assert edges.births.tolist() == [[ABSENT, 0, 0], [ABSENT] * 3]


def test_elements_come_and_go_by_index_or_by_mask() -> None:
    edges = layer()
    at = torch.tensor([0, 1]), torch.tensor([2, 0])
    edges.add(at, 7)
    assert edges.births.tolist() == [[0, 3, 7], [7, ABSENT, 5]]
    edges.remove(edges.births == 7)
    assert edges.births.tolist() == layer().births.tolist()
    assert edges.count_live(at) == 0
    assert edges.count_live(torch.tensor([[True] * 3, [False] * 3])) == 2


def test_births_are_those_of_the_same_weight() -> None:
    first, second = layer(), layer()
    assert find_births([first, second], second.weight) is second.births
    assert find_births([first], second.weight) is None


def test_leaks_are_counted_in_weight_and_state() -> None:
    weight = torch.ones(2, 2, requires_grad=True)
    optimizer = torch.optim.Adam([weight])
    weight.sum().backward()
    optimizer.step()
    assert set(weight_and_state(weight, optimizer)) == {"weight", "exp_avg", "exp_avg_sq"}
    live = torch.tensor([[True, False], [False, True]])
    optimizer.state[weight]["exp_avg"].mul_(live)
    assert find_leaks(weight, live, optimizer) == {"weight": 2, "exp_avg_sq": 2}
    assert find_leaks(weight, live, None) == {"weight": 2}


class Around(torch.optim.Optimizer):
    """Wraps another, and has a queue and an average of its own under a name of the other's."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        super().__init__(inner.param_groups, {})
        self.inner = inner

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        self.inner.step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p] = {"exp_avg": torch.ones_like(p), "queue": [torch.ones_like(p)]}


def test_state_of_a_wrapped_optimizer_and_in_lists_is_state_of_the_weight() -> None:
    weight = torch.ones(2, 2, requires_grad=True)
    optimizer = Around(torch.optim.Adam([weight]))
    weight.sum().backward()
    optimizer.step()
    tensors = weight_and_state(weight, optimizer)
    assert set(tensors) == {"weight", "exp_avg", "queue.0", "exp_avg 3", "exp_avg_sq"}
    assert tensors["exp_avg 3"] is optimizer.inner.state[weight]["exp_avg"]
