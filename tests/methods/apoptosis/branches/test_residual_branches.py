"""Residual branches are found whatever they are called, and nothing else is taken for one."""

import module_hooks
import pytest
import torch
from torch import nn

from espalier.core.samples import SampleShape, TokenShape
from espalier.methods.apoptosis.branches.residual_branches import contributions, find_branches
from espalier.models.charlm import CharLM
from espalier.models.mlp import Mlp
from espalier.models.residual import BasicBlock


class Beside(nn.Module):
    """x + f(x); `times` f(x) if that is not 1."""

    def __init__(self, *layers, times=1.0):
        super().__init__()
        self.body, self.times = nn.Sequential(*layers), times

    def forward(self, x):
        return x + (self.body(x) if self.times == 1.0 else self.times * self.body(x))


class InPlace(Beside):
    """The same, added in place."""

    def forward(self, x):
        out = self.body(x)
        out += x
        return out


class Parallel(nn.Module):
    """x + f(x) + g(x): neither f nor g alone is beside x."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        return x + self.first(x) + self.second(x)


def hidden():
    return nn.Linear(3, 5), nn.ReLU(inplace=True), nn.Linear(5, 3)


def charlm(norm):
    torch.manual_seed(0)
    spec = CharLM(width=8, layers=2, heads=2, inner=12, norm=norm)
    return spec.build(TokenShape(7, 6)), torch.randint(7, (4, 6))


def inner(model, branch):
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [names[id(member.parameter)] for member in branch.inner]


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_a_transformer_s_branches_with_what_makes_them(norm):
    model, x = charlm(norm)
    first, second, *others = find_branches(model, x)
    assert (first.name, second.name) == ("blocks.0.attention.out_proj", "blocks.0.ffn.3")
    assert [b.name for b in others] == ["blocks.1.attention.out_proj", "blocks.1.ffn.3"]
    before = {"post": [], "pre": ["blocks.0.norm2.weight", "blocks.0.norm2.bias"]}[norm]
    assert inner(model, second) == ["blocks.0.ffn.0.weight", "blocks.0.ffn.0.bias", *before]
    assert first.kind == others[0].kind != second.kind == others[1].kind


def test_names_with_wildcards_choose():
    model, x = charlm("post")
    names = [b.name for b in find_branches(model, x, ["blocks.*.ffn.3"])]
    assert names == ["blocks.0.ffn.3", "blocks.1.ffn.3"]
    with pytest.raises(ValueError, match="'blocks.0.ffn.0' names no residual branch; .*ffn.3$"):
        find_branches(model, x, ["blocks.*.ffn.3", "blocks.0.ffn.0"])


def test_of_convolutions_the_normalisation_is_the_last_layer():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), BasicBlock(4, 4, 1), BasicBlock(4, 8, 2))
    (branch,) = find_branches(model, torch.randn(2, 1, 8, 8))
    assert branch.name == "1.branch.2.1"  # and not that of the second, beside a projection
    assert inner(model, branch)[-1] == "1.branch.2.0.weight"


@pytest.mark.parametrize("block", [Beside, InPlace])
def test_how_the_sum_is_written_does_not_matter(block):
    model = nn.Sequential(nn.Linear(3, 3), block(*hidden()), nn.Linear(3, 2))
    assert [b.name for b in find_branches(model, torch.randn(4, 3))] == ["1.body.2"]


def test_a_branch_may_begin_from_the_inputs_themselves():
    model = nn.Sequential(Beside(*hidden()), nn.Linear(3, 2))
    assert [b.name for b in find_branches(model, torch.randn(4, 3))] == ["0.body.2"]


def test_of_nested_branches_the_outer_one_counts():
    model = nn.Sequential(Beside(nn.Linear(3, 3), Beside(*hidden()), nn.Linear(3, 3)))
    x = torch.randn(4, 3)
    assert [b.name for b in find_branches(model, x)] == ["0.body.2"]
    assert [b.name for b in find_branches(model, x, ["0.body.1.body.2"])] == ["0.body.1.body.2"]
    with pytest.raises(ValueError, match="one branch is inside another"):
        find_branches(model, x, ["*"])


def tied():
    block = Beside(*hidden())
    return nn.Sequential(nn.Linear(3, 3), block, block, nn.Linear(3, 2))


UNFIT = {
    "a chain": lambda: Mlp(8, 2).build(SampleShape(1, 1, 3, 4)),
    "parallel branches": lambda: nn.Sequential(nn.Linear(3, 3), Parallel(), nn.Linear(3, 2)),
    "a scaled branch": lambda: nn.Sequential(nn.Linear(3, 3), Beside(*hidden(), times=0.5)),
    "used twice": tied,
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_model_without_branches_is_refused(name):
    with pytest.raises(ValueError, match="the model has no residual branch"):
        find_branches(UNFIT[name](), torch.randn(2, 3))


def test_looking_leaves_no_trace():
    model, x = charlm("pre")
    before = [p.detach().clone() for p in model.parameters()]
    random = torch.get_rng_state()
    contributions(model.train(), find_branches(model, x), x)
    assert all(m.training for m in model.modules())
    assert module_hooks.count(model) == 0
    assert all(p.grad is None for p in model.parameters())
    assert all(map(torch.equal, before, model.parameters()))
    assert torch.equal(random, torch.get_rng_state())


def test_a_contribution_is_the_size_of_a_branch_beside_its_stream():
    model = nn.Sequential(Beside(nn.Linear(2, 2)), Beside(nn.Linear(2, 2)))
    with torch.no_grad():
        for block, scale in zip(model, (2.0, 0.5), strict=True):
            block.body[0].weight.copy_(scale * torch.eye(2))
            block.body[0].bias.zero_()
    x = torch.tensor([[1.0, -2.0]])
    assert contributions(model, find_branches(model, x), x) == pytest.approx([2.0, 0.5])
