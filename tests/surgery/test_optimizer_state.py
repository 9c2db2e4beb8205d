"""Newborn elements: how large their first updates are, beside a fresh optimizer's."""

import pytest
import torch
from surgery_bodies import mlp, step, trained
from torch import Tensor, nn

from espalier.optimizers.lean import LeanAdam
from espalier.surgery import birth, optimizer_state, resize
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import find_pairs
from espalier.surgery.restarts.per_slice_restart import restart_of

BUILDS = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True),
    "lean": lambda p: LeanAdam(p, lr=0.01, amsgrad=True, decoupled_weight_decay=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
}


class Late:
    """A weight (4, 3) after 3000 steps of noisy gradients of one size, rows 1 and 2 of it reborn,
    beside one that a fresh optimizer begins with."""

    def __init__(self, build, cure: str, steps: int = 3000) -> None:
        self.old = nn.Parameter(torch.zeros(4, 3, dtype=torch.float64))
        self.optimizer = build([self.old])
        self.generator = torch.Generator().manual_seed(0)
        for _ in range(steps):
            self.update(self.optimizer, self.old, self.gradient())
        index = torch.tensor([1, 2])
        self.restarts = restart_of(self.optimizer) if cure in ("restart", "elements") else None
        if cure == "elements":
            at = torch.tensor([1, 1, 1, 2, 2, 2]), torch.tensor([0, 1, 2, 0, 1, 2])
            optimizer_state.reset_elements(self.optimizer, self.old, at)
            self.restarts.note_elements(self.old, at)
        else:
            optimizer_state.reset_slices(self.optimizer, self.old, 0, index, zero=cure != "mean")
        if cure == "restart":
            self.restarts.note(self.old, 0, index)
        self.new = nn.Parameter(self.old.detach().clone())
        self.fresh = build([self.new])

    def gradient(self) -> Tensor:
        return torch.randn(4, 3, generator=self.generator, dtype=torch.float64)

    @staticmethod
    def update(optimizer, parameter: nn.Parameter, gradient: Tensor) -> None:
        parameter.grad = gradient
        optimizer.step()

    def ratios(self, updates: int, constant: bool) -> list[float]:
        """Length of the newborns' path so far, over that under the fresh optimizer."""
        ratios, paths = [], torch.zeros(2)
        for _ in range(updates):
            gradient = torch.ones(4, 3, dtype=torch.float64) if constant else self.gradient()
            before = self.old.detach().clone(), self.new.detach().clone()
            self.update(self.optimizer, self.old, gradient)
            if self.restarts is not None:
                self.restarts.after_step()
            self.update(self.fresh, self.new, gradient)
            after = self.old.detach(), self.new.detach()
            moved = [(b - a)[1:3].norm() for a, b in zip(before, after, strict=True)]
            paths += torch.tensor(moved)
            ratios.append(float(moved[0] / moved[1]))
        return [*ratios, float(paths[0] / paths[1])]


def test_the_defect_is_there_without_a_cure() -> None:
    ratios = Late(BUILDS["adam"], "zero").ratios(10, constant=True)
    assert ratios[0] == pytest.approx(3.2, abs=0.2)
    assert ratios[9] == pytest.approx(6.5, abs=0.2)


@pytest.mark.parametrize("name", ["adam", "adamw", "amsgrad", "lean"])
@pytest.mark.parametrize("constant", [True, False])
def test_with_the_survivors_second_moment_updates_rise_to_normal(name, constant) -> None:
    ratios = Late(BUILDS[name], "mean").ratios(200, constant)
    assert ratios[0] < 0.2 and max(ratios[:100]) < 2.0
    assert 0.7 < ratios[-1] < 1.1  # of the whole path


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("cure", ["restart", "elements"])
def test_restarted_elements_do_what_a_fresh_optimizer_does(name, constant, cure) -> None:
    late = Late(BUILDS[name], cure)
    assert late.ratios(200, constant) == pytest.approx([1.0] * 201, rel=1e-5)
    torch.testing.assert_close(late.old[1:3], late.new[1:3], rtol=1e-6, atol=1e-7)


def test_elements_that_are_not_reborn_are_those_of_an_optimizer_without_restarts() -> None:
    both = [Late(BUILDS["adam"], cure, steps=30) for cure in ("zero", "elements")]
    for late in both:
        late.ratios(20, constant=False)
    plain, restarted = (late.old.detach()[[0, 3]] for late in both)
    assert torch.equal(plain, restarted)


def test_single_elements_restart_each_at_its_time() -> None:
    """Cell (i, j) is reborn after update 5 (3 i + j) + 5, and is then a fresh optimizer's."""
    weight = nn.Parameter(torch.zeros(2, 3, dtype=torch.float64))
    optimizer = torch.optim.Adam([weight], lr=0.01)
    restarts = restart_of(optimizer)
    twins: dict[tuple[int, int], tuple[nn.Parameter, torch.optim.Optimizer]] = {}
    generator = torch.Generator().manual_seed(0)
    for now in range(1, 60):
        gradient = torch.randn(2, 3, generator=generator, dtype=torch.float64)
        Late.update(optimizer, weight, gradient)
        restarts.after_step()
        for (i, j), (twin, own) in twins.items():
            Late.update(own, twin, gradient[i, j])
            torch.testing.assert_close(weight[i, j], twin, rtol=1e-6, atol=1e-8)
        if now % 5 == 0 and now <= 30:
            i, j = divmod(now // 5 - 1, 3)
            at = torch.tensor([i]), torch.tensor([j])
            optimizer_state.reset_elements(optimizer, weight, at)
            restarts.note_elements(weight, at)
            twin = nn.Parameter(weight.detach()[i, j].clone())
            twins[i, j] = twin, torch.optim.Adam([twin], lr=0.01)
    assert len(twins) == 6


def test_momentum_begins_at_0() -> None:
    late = Late(BUILDS["sgd"], "mean", steps=5)
    buffer = late.optimizer.state[late.old]["momentum_buffer"]
    assert (buffer == 0).all(1).tolist() == [False, True, True, False]


def test_the_mean_is_over_survivors_that_ever_had_a_gradient() -> None:
    weight = nn.Parameter(torch.zeros(4, 2))
    optimizer = torch.optim.Adam([weight])
    optimizer.state[weight] = {
        "step": torch.tensor(5.0),
        "exp_avg": torch.ones(4, 2),
        "exp_avg_sq": torch.tensor([[1.0, 0.0], [50.0, 50.0], [3.0, 0.0], [0.0, 6.0]]),
    }
    optimizer_state.reset_slices(optimizer, weight, 0, torch.tensor([1]))
    assert optimizer.state[weight]["exp_avg_sq"].tolist() == [[1, 0], [2, 6], [3, 0], [0, 6]]
    assert optimizer.state[weight]["exp_avg"].tolist() == [[1, 1], [0, 0], [1, 1], [1, 1]]
    assert optimizer.state[weight]["step"] == 5


def test_state_that_is_a_view_of_a_stack_stays_one() -> None:
    weight = nn.Parameter(torch.zeros(2, 3, 2)[1])
    optimizer = torch.optim.Adam([weight])
    stack = torch.ones(2, 3, 2)
    optimizer.state[weight] = {"step": torch.tensor(5.0), "exp_avg": stack[1]}
    optimizer_state.reset_slices(optimizer, weight, 1, torch.tensor([0]))
    assert stack.tolist() == [[[1, 1]] * 3, [[0, 1]] * 3]


def test_an_optimizer_that_has_not_stepped_and_none_at_all() -> None:
    weight = nn.Parameter(torch.zeros(2, 3))
    optimizer = torch.optim.Adam([weight])
    for each in (optimizer, None):
        optimizer_state.reset_slices(each, weight, 0, torch.tensor([0]))
    restart_of(optimizer).note(weight, 0, torch.tensor([0]))
    assert len(optimizer.state) == 0


def test_rows_and_columns_of_one_layer_restart_each_at_their_time() -> None:
    """The middle layer is consumer of the first pair and producer of the second."""
    weight = nn.Parameter(torch.zeros(3, 3, dtype=torch.float64))
    optimizer = torch.optim.Adam([weight], lr=0.01)
    restarts = restart_of(optimizer)
    fresh: dict[tuple[int, int], tuple[nn.Parameter, torch.optim.Optimizer]] = {}

    def begin(cells: list[tuple[int, int]]) -> None:
        for i, j in cells:
            twin = nn.Parameter(weight.detach()[i, j].clone())
            fresh[i, j] = twin, torch.optim.Adam([twin], lr=0.01)

    generator = torch.Generator().manual_seed(0)
    for now in range(60):
        gradient = torch.randn(3, 3, generator=generator, dtype=torch.float64)
        if now in (20, 30, 40):
            dim, at = (1, 0) if now == 30 else (0, 1)
            optimizer_state.reset_slices(optimizer, weight, dim, torch.tensor([at]), zero=True)
            restarts.note(weight, dim, torch.tensor([at]))
            begin([(1, j) for j in range(3)] if dim == 0 else [(i, 0) for i in range(3)])
        weight.grad = gradient
        optimizer.step()
        restarts.after_step()
        for (i, j), (twin, single) in fresh.items():
            twin.grad = gradient[i, j]
            single.step()
            torch.testing.assert_close(weight.detach()[i, j], twin.detach())


def test_restarts_follow_a_layer_that_is_resized() -> None:
    model, x, optimizer = trained(mlp)
    restarts = restart_of(optimizer)
    pair = find_pairs(model)[0]
    site = EditContext(pair, optimizer, restarts=restarts)
    generator = torch.Generator().manual_seed(0)
    birth.fresh(site, resize.widen(site, 4), generator)
    birth.fresh(site, torch.tensor([2, 5]), generator)
    resize.narrow(site, torch.tensor([0, 2, 32]))
    for _ in range(3):
        step(model, x, optimizer)
        restarts.after_step()
    births = restarts.state_dict()["births"][0]["by_dim"][0]
    assert births.nonzero().flatten().tolist() == [3, 30, 31, 32]
    assert all(p.isfinite().all() for p in model.parameters())


def test_restarts_are_saved_and_restored() -> None:
    def go_on(late: Late) -> Tensor:
        late.generator = torch.Generator().manual_seed(1)
        late.ratios(5, constant=False)
        return late.old.detach()

    late, again = Late(BUILDS["adam"], "restart"), Late(BUILDS["adam"], "restart")
    assert again.restarts is not None and late.restarts is not None
    saved = late.restarts.state_dict()
    again.restarts = restart_of(again.optimizer)
    again.restarts.load_state_dict(saved)
    assert torch.equal(go_on(late), go_on(again))


@pytest.mark.parametrize("name", ["adamw", "lean"])
def test_a_schedule_that_steps_before_the_correction_plays_no_part(name) -> None:
    late = Late(BUILDS[name], "restart", steps=50)
    for _ in range(3):
        gradient = late.gradient()
        late.update(late.optimizer, late.old, gradient)
        late.optimizer.param_groups[0].update(lr=1e-4, betas=(0.5, 0.9))  # then is reset
        late.restarts.after_step()
        late.optimizer.param_groups[0].update(lr=0.01, betas=(0.9, 0.999))
        late.update(late.fresh, late.new, gradient)
    torch.testing.assert_close(late.old[1:3], late.new[1:3], rtol=1e-6, atol=1e-8)


def test_new_parameters_take_the_places_of_old_ones_in_their_groups() -> None:
    old = [torch.nn.Parameter(torch.ones(1)) for _ in range(3)]
    new = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [{"params": old[:1]}, {"params": old[1:2]}]
    optimizer = torch.optim.SGD(groups, 0.1)  # type: ignore[arg-type]
    assert optimizer_state.group_places(optimizer, old) == [0, 1, -1]
    optimizer_state.replace_params(optimizer, old, new, [1, -1])
    assert [len(group["params"]) for group in optimizer.param_groups] == [0, 1]
    assert optimizer.param_groups[1]["params"][0] is new[0]
