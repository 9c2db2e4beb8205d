"""Which weights were ever live, and what a listener of masks is told."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from espalier.core.self_measuring import KeepsMasks
from espalier.sparse.edges import Edges
from espalier.sparse.mask import MaskSet
from espalier.surgery.restarts.per_slice_restart import restart_of


def mask_set(*sizes: int) -> tuple[MaskSet, torch.optim.Optimizer]:
    weights = {f"w{i}": nn.Parameter(torch.arange(1.0, n + 1)) for i, n in enumerate(sizes)}
    return MaskSet(weights), torch.optim.SGD(weights.values(), lr=0.1)


class Recorder:
    """A listener that keeps live weights and values of each call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[list[bool]], list[list[float]]]] = []

    def before_event(self, masks: KeepsMasks) -> None:
        self._keep("before", masks)

    def after_event(self, masks: KeepsMasks) -> None:
        self._keep("after", masks)

    def _keep(self, name: str, masks: KeepsMasks) -> None:
        lists = [live.tolist() for live in masks.live_masks()]
        self.calls.append((name, lists, [w.tolist() for w in masks.values()]))


def pruned(*places: int, size: int = 4) -> Tensor:
    mask = torch.zeros(size, dtype=torch.bool)
    mask[list(places)] = True
    return mask


def test_explored_are_weights_that_were_live_during_an_update() -> None:
    masks, optimizer = mask_set(4)
    masks.set(pruned(0, 1), optimizer)  # no update has been done under the dense network
    assert masks.explored == 0
    masks.mask_gradients()
    assert masks.explored == 2  # 2 and 3
    masks.set(pruned(1, 2), optimizer)  # 0 comes; there has been no update with it yet
    assert masks.explored == 2
    masks.mask_gradients()
    assert masks.explored == 3
    masks.set(pruned(0, 1, 2), optimizer)
    masks.mask_gradients()
    assert masks.explored_share == 0.75


def test_pruning_after_the_first_update_has_explored_everything() -> None:
    masks, optimizer = mask_set(3, 2)
    masks.mask_gradients()
    masks.set(pruned(0, 1, 4, size=5), optimizer)
    assert masks.explored_share == 1.0
    assert masks.explored_state() == {"masks": None, "used": False}


def test_explored_over_many_events_is_the_union_of_the_masks() -> None:
    masks, optimizer = mask_set(30, 20)
    generator = torch.Generator().manual_seed(1)
    ever: set[int] = set()
    masks.set(torch.ones(50, dtype=torch.bool), optimizer)
    for step in range(100):
        if step % 3 == 0:
            masks.set(torch.rand(50, generator=generator) < 0.97, optimizer)
        masks.mask_gradients()
        row = np.concatenate([m.numpy() for m in masks.live_masks()])
        ever |= {place for place in range(50) if row[place]}
        assert masks.explored == len(ever)
    assert 0 < len(ever) < 50


def test_the_explored_weights_are_restored() -> None:
    masks, optimizer = mask_set(4)
    masks.set(pruned(0, 1), optimizer)
    masks.mask_gradients()
    masks.set(pruned(2, 3), optimizer)
    saved = masks.explored_state()
    other, optimizer = mask_set(4)
    other.set(pruned(1, 2), optimizer)
    other.mask_gradients()
    other.restore(pruned(2, 3))
    other.load_explored(saved)
    assert other.explored == masks.explored == 2
    other.mask_gradients()
    assert other.explored == 4


def test_a_listener_sees_weights_before_they_are_zeroed() -> None:
    masks, optimizer = mask_set(2, 2)
    masks.listener = recorder = Recorder()
    masks.set(pruned(0, 3), optimizer)
    before, after = recorder.calls
    assert before == ("before", [[True, True], [True, True]], [[1, 2], [1, 2]])
    assert after == ("after", [[False, True], [True, False]], [[0, 2], [1, 0]])


def test_what_changes_within_an_event_is_one_event() -> None:
    masks, optimizer = mask_set(4)
    masks.listener = recorder = Recorder()
    with masks.event():
        masks.set(pruned(0), optimizer)
        masks.mark(0, (torch.tensor([1, 2]),), pruned=True)
    assert [name for name, *_ in recorder.calls] == ["before", "after"]
    assert recorder.calls[1][1] == [[False, False, False, True]]


def test_changes_are_counted_whoever_makes_them() -> None:
    masks, optimizer = mask_set(4)
    counts = [masks.changes]
    masks.set(pruned(0), optimizer)
    counts.append(masks.changes)
    masks.mark(0, (torch.tensor([0]),), pruned=False)
    counts.append(masks.changes)
    masks.restore(pruned(1))
    counts.append(masks.changes)
    masks.clear()
    counts.append(masks.changes)
    masks.mask_gradients()
    assert counts == sorted(set(counts)) and masks.changes == counts[-1]


def test_single_edges_that_come_and_go_are_reported() -> None:
    weight = nn.Parameter(torch.ones(2, 2))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    edges = Edges({"w": weight}, optimizer, restart_of(optimizer))
    edges.masks.listener = recorder = Recorder()
    edges.begin([torch.tensor([[True, False], [True, True]])])
    edges.drop(0, (torch.tensor([1]), torch.tensor([1])), step=3)
    assert [name for name, *_ in recorder.calls] == ["before", "after"] * 2
    assert recorder.calls[-1][1] == [[[True, False], [True, False]]]


def test_updates_within_an_event_explore_nothing() -> None:
    masks, optimizer = mask_set(4)
    masks.set(pruned(0, 1), optimizer)
    masks.mask_gradients()
    with masks.event():
        masks.set(pruned(2, 3), optimizer)
        masks.mask_gradients()  # what came is tried out, and goes again
        masks.set(pruned(0, 1), optimizer)
    assert masks.explored == 2


def test_masks_that_are_replaced_have_been_explored() -> None:
    masks, optimizer = mask_set(4)
    masks.set(pruned(0, 1), optimizer)
    masks.mask_gradients()
    masks.set(pruned(2, 3), optimizer)
    masks.mask_gradients()
    masks.restore(pruned(0, 1))  # a run is given back what it had
    assert masks.explored == 4
