"""What an optimizer's state says of a weight, by torch's names or by what it says itself."""

from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from espalier.sparse.masked_weight import weight_and_state
from espalier.sparse.optimizer_parts import (
    Moment,
    StateReading,
    move,
    read_state,
    readable,
    renewed_state,
    whole_state,
)


class Turned(torch.optim.SGD):
    """Keeps a moment of the whole weight, which has the weight's shape, and says so."""

    readable: ClassVar[frozenset[Moment]] = frozenset[Moment](("second",))
    whole_state: ClassVar[frozenset[str]] = frozenset({"turned"})
    renewed_state: ClassVar[frozenset[str]] = frozenset({"turned", "count"})

    def read_state(self, weight: Tensor) -> StateReading:
        return StateReading(second=self.state[weight]["turned"].T)


def stepped(kind: Any, **options: Any) -> tuple[nn.Parameter, torch.optim.Optimizer]:
    weight = nn.Parameter(torch.ones(2, 2))
    optimizer = kind([weight], lr=0.1, **options)
    weight.grad = torch.full((2, 2), 2.0)
    optimizer.step()
    return weight, optimizer


@pytest.mark.parametrize(
    ("kind", "options", "first", "second"),
    [
        (torch.optim.Adam, {}, 0.2, 0.004),
        (torch.optim.SGD, {"momentum": 0.9}, 2.0, None),
        (torch.optim.RMSprop, {}, None, None),
    ],
)
def test_torchs_state_is_read_by_its_names(
    kind: Any, options: Any, first: float | None, second: float | None
) -> None:
    weight, optimizer = stepped(kind, **options)
    reading = read_state(optimizer, weight)
    if first is None:
        assert reading is None
        return
    assert reading is not None and reading.first is not None
    assert float(reading.first[0, 0]) == pytest.approx(first)
    assert (reading.second is None) == (second is None)
    names = optimizer.state[weight].keys()
    kept = {n for n, x in (("first", first), ("second", second)) if x is not None}
    assert readable(optimizer, names) == kept


def test_a_weight_without_state_says_nothing() -> None:
    weight = nn.Parameter(torch.ones(2, 2))
    assert read_state(torch.optim.Adam([weight]), weight) is None


def test_an_optimizer_may_say_itself_what_its_state_is() -> None:
    weight, optimizer = stepped(Turned, momentum=0.9)
    optimizer.state[weight]["turned"] = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    reading = read_state(optimizer, weight)
    assert reading is not None and reading.first is None and reading.second is not None
    assert reading.second.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert readable(optimizer, ["exp_avg"]) == {"second"}
    assert whole_state(optimizer) == {"turned"} and renewed_state(optimizer) == {"turned", "count"}
    assert set(weight_and_state(weight, optimizer)) == {"weight", "momentum_buffer"}
    assert whole_state(torch.optim.Adam([weight])) == renewed_state(torch.optim.Adam([weight]))


class Ahead(torch.optim.SGD):
    """Holds another place of the weight."""

    def move_state(self, weight: Tensor, change: Tensor) -> None:
        self.state[weight]["place"] += change


class Wrapping(torch.optim.SGD):
    """Holds an optimizer and no place of its own."""

    inner: torch.optim.Optimizer


@torch.no_grad()
def test_a_weight_is_moved_with_its_other_places_in_a_wrapped_optimizer() -> None:
    weight = nn.Parameter(torch.zeros(2))
    wrapping = Wrapping([weight], lr=0.1)
    wrapping.inner = Ahead([weight], lr=0.1)
    wrapping.inner.state[weight]["place"] = torch.ones(2)
    move(wrapping, weight, torch.tensor([1.0, 2.0]))
    assert weight.tolist() == [1.0, 2.0]
    assert wrapping.inner.state[weight]["place"].tolist() == [2.0, 3.0]
