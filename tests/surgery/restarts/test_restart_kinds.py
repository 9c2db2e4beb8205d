"""How newborns start, class by class: exactly, in the generic way with one warning, or refused."""

import warnings

import pytest
import torch
from foreign_optimizers import Coupled, Projected, Queued, Signs, Whole
from torch import nn

from espalier.surgery import optimizer_state
from espalier.surgery.restarts import fresh_optimizer
from espalier.surgery.restarts.per_slice_restart import restart_of
from espalier.surgery.restarts.restart_kinds import RestartKind, is_exact, kind_of


def weight() -> nn.Parameter:
    return nn.Parameter(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))


def stepped(optimizer: torch.optim.Optimizer, count: int = 5) -> torch.optim.Optimizer:
    for _ in range(count):
        for p in optimizer.param_groups[0]["params"]:
            p.grad = torch.randn(p.shape)
        optimizer.step()
    return optimizer


@pytest.mark.parametrize("kind", [torch.optim.LBFGS, torch.optim.SparseAdam])
def test_what_cannot_restart_anything_is_refused_by_name(kind):
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: .*: use "):
        restart_of(kind([weight()]))


def test_the_generic_way_is_warned_of_once():
    optimizer = torch.optim.Adafactor([weight()])
    with pytest.warns(UserWarning, match="^Adafactor: its second moments are of whole rows"):
        restart_of(optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        restart_of(optimizer)
        restart_of(torch.optim.NAdam([weight()]))


TORCH = ["Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adadelta", "Adagrad", "RMSprop", "ASGD"]


@pytest.mark.parametrize("name", [*TORCH, "Rprop", "SGD", "Adafactor", "Muon"])
def test_the_table_says_what_trying_a_class_out_shows(name):
    optimizer = getattr(torch.optim, name)([weight()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exact = is_exact(optimizer)
    assert exact == (fresh_optimizer.traits_of(optimizer).coupling == "")


def test_a_class_of_ones_own_is_tried_out():
    draw = torch.random.get_rng_state()
    assert kind_of(Signs([weight()])) is RestartKind.SHADOWED
    assert fresh_optimizer.traits_of(Signs([weight()])).counters == {"count"}
    with pytest.warns(UserWarning, match="^Coupled: an element's update depends on others"):
        assert kind_of(Coupled([weight()])) is RestartKind.GENERIC
    assert torch.equal(draw, torch.random.get_rng_state())


def test_a_subclass_of_adam_with_an_update_of_its_own_is_tried_out():
    class Halved(torch.optim.Adam):
        def step(self, closure=None):
            super().step(closure)

    class Same(torch.optim.Adam):
        pass

    assert kind_of(Halved([weight()])) is RestartKind.SHADOWED
    assert kind_of(Same([weight()])) is RestartKind.COUNTED


@pytest.mark.filterwarnings("ignore:Coupled")
def test_a_weight_among_the_state_becomes_the_newborns_and_a_scale_the_survivors():
    p = weight()
    optimizer = stepped(Coupled([p]))
    with torch.no_grad():
        p[1] = 7.0
    sizes = optimizer.state[p]["sizes"].clone()
    others = optimizer.state[p]["average"][[0, 2, 3]].clone()
    optimizer_state.reset_slices(optimizer, p, 0, torch.tensor([1]), zero=True)
    state = optimizer.state[p]
    assert state["average"][1].tolist() == [7.0] * 3
    assert torch.equal(state["average"][[0, 2, 3]], others)
    torch.testing.assert_close(state["sizes"][1], sizes[[0, 2, 3]].mean(0))
    with torch.no_grad():
        p[0, 2] = -9.0
    at = torch.tensor([0]), torch.tensor([2])
    optimizer_state.reset_elements(optimizer, p, at)
    assert state["average"][0, 2] == -9.0 and state["sizes"][0, 2] > 0


@pytest.mark.filterwarnings("ignore:Adafactor")
def test_rows_and_columns_follow_a_resized_matrix():
    p = weight()
    optimizer = stepped(torch.optim.Adafactor([p]))
    rows, columns = (optimizer.state[p][name].clone() for name in ("row_var", "col_var"))
    optimizer_state.rebuild(optimizer, p, 0, torch.tensor([0, 1, 2, 3, -1]))
    optimizer_state.reset_slices(optimizer, p, 0, torch.tensor([4]), zero=True)
    state = optimizer.state[p]
    torch.testing.assert_close(state["row_var"], torch.cat([rows, rows.mean(0, keepdim=True)]))
    assert torch.equal(state["col_var"], columns)
    optimizer_state.rebuild(optimizer, p, 1, torch.tensor([2, 0]))
    assert torch.equal(state["col_var"], columns[:, [2, 0]])
    stepped(optimizer, 1)
    assert p.shape == (5, 2) and bool(p.isfinite().all())


@pytest.mark.filterwarnings("ignore:Whole")
def test_state_of_another_shape_is_refused_before_anything_changes():
    p = weight()
    optimizer = stepped(Whole([p]))
    with pytest.raises(ValueError, match=r"^Whole: its state 'basis' .* cannot follow .*: grow"):
        optimizer_state.rebuild(optimizer, p, 0, torch.tensor([0, 1]))
    assert p.shape == (4, 3) and optimizer.state[p]["sizes"].shape == (4, 3)


def test_state_of_elements_in_a_list_is_refused_by_name():
    with pytest.raises(ValueError, match="^Queued: its state 'queue' has tensors in a list"):
        restart_of(Queued([weight()]))


def test_a_matrix_in_an_object_cannot_follow_another_shape():
    parameter = weight()
    optimizer = stepped(Projected([parameter]))
    with pytest.raises(ValueError, match="^Projected: its state 'projection' of a parameter"):
        optimizer_state.check_resizable(optimizer, [parameter])


def test_marks_among_the_state_stay_as_they_are():
    parameter = weight()
    optimizer = stepped(torch.optim.SGD([parameter], momentum=0.9))
    marks = optimizer.state[parameter]["marks"] = torch.ones(4, 3, dtype=torch.bool)
    optimizer_state.reset_slices(optimizer, parameter, 0, torch.tensor([1]))
    optimizer_state.reset_elements(optimizer, parameter, (torch.tensor([2]), torch.tensor([0])))
    assert bool(marks.all())
    momentum = optimizer.state[parameter]["momentum_buffer"]
    assert not momentum[1].any() and momentum[2, 0] == 0 and momentum[0].all()
