"""Newborns under a fresh optimizer of their own, against one that is made by hand."""

import copy
import gc

import pytest
import torch
from foreign_optimizers import Signs
from torch import Tensor, nn

from espalier.surgery import optimizer_state
from espalier.surgery.restarts.per_slice_restart import restart_of

BUILDS = {
    "dampened": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, dampening=0.5),
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "adamax": torch.optim.Adamax,
    "adadelta": torch.optim.Adadelta,
    "adagrad": lambda p: torch.optim.Adagrad(p, lr_decay=0.1, initial_accumulator_value=0.5),
    "rmsprop": lambda p: torch.optim.RMSprop(p, momentum=0.9, centered=True),
    "asgd": lambda p: torch.optim.ASGD(p, t0=3),
    "rprop": torch.optim.Rprop,
    "signs": Signs,
}


class Bed:
    """A weight (4, 3) in float64 that is trained late, and parts of it beside fresh optimizers."""

    def __init__(self, build, steps: int = 30) -> None:
        self.generator = torch.Generator().manual_seed(0)
        self.build = build
        self.weight = nn.Parameter(self.draw())
        self.optimizer = build([self.weight])
        self.restarts = restart_of(self.optimizer)
        self.twins: list[tuple[Tensor, nn.Parameter, torch.optim.Optimizer]] = []
        self.step(steps)

    def draw(self) -> Tensor:
        return torch.randn(4, 3, generator=self.generator, dtype=torch.float64)

    def step(self, count: int) -> None:
        for _ in range(count):
            gradient = self.draw()
            self.weight.grad = gradient.clone()
            self.optimizer.step()
            self.restarts.after_step()
            for born, twin, fresh in self.twins:
                twin.grad = gradient[born]
                fresh.step()

    def bear(self, born: Tensor, dim: int | None = None) -> None:
        """Let elements be born, as slices along `dim` if given."""
        with torch.no_grad():
            self.weight[born] = self.draw()[born]
        if dim is None:
            at = born.nonzero(as_tuple=True)
            optimizer_state.reset_elements(self.optimizer, self.weight, at)
            self.restarts.note_elements(self.weight, at)
        else:
            index = born.all(1 - dim).nonzero().flatten()
            optimizer_state.reset_slices(self.optimizer, self.weight, dim, index, zero=True)
            self.restarts.note(self.weight, dim, index)
        for other, _, _ in self.twins:
            assert not bool((other & born).any())
        twin = nn.Parameter(self.weight.detach()[born].clone())
        self.twins.append((born, twin, self.build([twin])))

    def check(self) -> None:
        for born, twin, _ in self.twins:
            torch.testing.assert_close(
                self.weight.detach()[born], twin.detach(), rtol=0, atol=1e-15
            )


def rows(*index: int) -> Tensor:
    born = torch.zeros(4, 3, dtype=torch.bool)
    born[list(index)] = True
    return born


def cells(*index: int) -> Tensor:
    born = torch.zeros(12, dtype=torch.bool)
    born[list(index)] = True
    return born.view(4, 3)


@pytest.mark.parametrize("name", BUILDS)
def test_slices_and_elements_are_a_fresh_optimizers_each_from_its_step(name):
    bed = Bed(BUILDS[name])
    bed.bear(rows(1), dim=0)
    bed.step(10)
    bed.bear(cells(0, 8))
    bed.step(50)
    bed.check()


def test_columns_take_over_what_rows_had():
    bed = Bed(torch.optim.NAdam)
    bed.bear(rows(1), dim=0)
    bed.step(5)
    bed.twins.clear()
    column = torch.zeros(4, 3, dtype=torch.bool)
    column[:, 2] = True
    bed.bear(column, dim=1)
    bed.step(5)
    bed.check()


def test_survivors_are_as_without_newborns():
    plain, bed = Bed(torch.optim.RAdam), Bed(torch.optim.RAdam)
    bed.bear(rows(1), dim=0)
    plain.generator.set_state(bed.generator.get_state())
    plain.step(10), bed.step(10)
    assert torch.equal(plain.weight[[0, 2, 3]], bed.weight[[0, 2, 3]])


def test_a_rate_that_falls_right_after_the_step_plays_no_part():
    bed = Bed(torch.optim.NAdam)
    bed.bear(rows(1), dim=0)
    for rate in (0.1, 1e-3):
        for optimizer in (bed.optimizer, bed.twins[0][2]):
            optimizer.param_groups[0]["lr"] = rate
        bed.step(1)
    bed.check()


def test_what_is_saved_goes_on_in_another_copy_and_so_does_a_deep_copy():
    bed = Bed(torch.optim.NAdam)
    bed.bear(rows(1), dim=0)
    bed.step(7)
    bed.bear(cells(0))
    saved, state = bed.restarts.state_dict(), copy.deepcopy(bed.optimizer.state_dict())
    twin = copy.deepcopy(bed)
    weight = bed.weight.detach().clone()
    bed.step(5)
    bed.check()
    twin.step(5)
    twin.check()
    again = Bed(torch.optim.NAdam)
    again.twins, again.generator = twin.twins, torch.Generator().manual_seed(5)
    with torch.no_grad():
        again.weight.copy_(weight)
    again.optimizer.load_state_dict(copy.deepcopy(state))
    again.restarts.load_state_dict(saved)
    bed.restarts.load_state_dict(saved)
    bed.optimizer.load_state_dict(state)
    with torch.no_grad():
        bed.weight.copy_(weight)
    bed.generator = torch.Generator().manual_seed(5)
    bed.twins, again.twins = [], []
    bed.step(5), again.step(5)
    assert torch.equal(bed.weight, again.weight)


def test_newborns_follow_a_resized_parameter():
    bed = Bed(torch.optim.NAdam)
    bed.bear(rows(3), dim=0)
    bed.step(3)
    optimizer_state.rebuild(bed.optimizer, bed.weight, 0, torch.tensor([3, 0, 1, 2, -1]))
    bed.restarts.follow(bed.weight, 0, torch.tensor([3, 0, 1, 2, -1]))
    (_, twin, fresh) = bed.twins.pop()
    for _ in range(5):
        bed.weight.grad = torch.randn(5, 3, generator=bed.generator, dtype=torch.float64)
        twin.grad = bed.weight.grad[0].clone()
        bed.optimizer.step()
        fresh.step()
    torch.testing.assert_close(bed.weight.detach()[0], twin.detach(), rtol=0, atol=1e-15)


def test_newborns_that_a_mask_takes_away_again_stay_at_0():
    bed = Bed(torch.optim.RAdam)
    bed.bear(cells(0, 1))
    bed.step(3)
    keep = 1 - cells(0).double()
    with torch.no_grad():
        for tensor in (bed.weight, *optimizer_state.moments(bed.optimizer, bed.weight).values()):
            tensor.mul_(keep)
    for _ in range(3):
        bed.weight.grad = bed.draw() * keep
        bed.optimizer.step()
    assert float(bed.weight.detach()[0, 0]) == 0.0
    assert all(
        float(m[0, 0]) == 0.0 for m in optimizer_state.moments(bed.optimizer, bed.weight).values()
    )


def test_it_ends_when_both_agree_and_hooks_end_with_it():
    bed = Bed(torch.optim.RMSprop)
    bed.bear(rows(1), dim=0)
    bed.step(64)
    assert len(bed.restarts.state_dict()["cohorts"]) == 1
    bed.step(1)
    assert bed.restarts.state_dict()["cohorts"] == []
    bed.restarts = restart_of(torch.optim.SGD([bed.weight], 0.1))
    gc.collect()
    assert len(bed.optimizer._optimizer_step_pre_hooks) == 0


def test_a_step_with_a_closure():
    bed = Bed(torch.optim.NAdam)
    bed.bear(rows(1), dim=0)
    _, twin, fresh = bed.twins[0]
    for _ in range(3):
        gradient = bed.draw()

        def closure(gradient: Tensor = gradient) -> Tensor:
            bed.weight.grad = gradient.clone()
            return gradient.sum()

        bed.weight.grad = None
        bed.optimizer.step(closure)
        twin.grad = gradient[rows(1)]
        fresh.step()
    bed.check()
