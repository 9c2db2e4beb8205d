"""Weights find their places by names, order and shapes, or nothing is loaded."""

import copy
from collections import OrderedDict

import pytest
import torch
from torch import nn

from espalier import FlattenWrapper, remap
from espalier.core.errors import UserError


class Custom(nn.Module):
    """The same network as `plain`, with names of its own."""

    def __init__(self, hidden=5):
        super().__init__()
        self.first = nn.Linear(4, 6)
        self.norm = nn.BatchNorm1d(6)
        self.second = nn.Linear(6, hidden)
        self.last = nn.Linear(hidden, 3)

    def forward(self, x):
        return self.last(self.second(self.norm(self.first(x)).relu()).relu())


def plain(seed=0, hidden=5):
    torch.manual_seed(seed)
    layers = [nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, hidden), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Linear(hidden, 3))
    for _ in range(3):
        net(torch.randn(9, 4))  # moving statistics that are not those of a fresh network
    return net.eval()


def x():
    return torch.randn(7, 4, generator=torch.Generator().manual_seed(2))


def prefixed(state, prefix):
    return OrderedDict((prefix + name, tensor) for name, tensor in state.items())


def same_logits(source, state, target):
    target.load_state_dict(remap(state, target).state)
    return (source(x()) - target.eval()(x())).abs().max() < 1e-6


@pytest.mark.parametrize("hidden", [5, 6])
def test_from_a_sequential_to_a_network_with_names(hidden):
    source = plain(hidden=hidden)
    assert same_logits(source, source.state_dict(), Custom(hidden))


@pytest.mark.parametrize("prefix", ["module.", "net.", "module.model.", "_orig_mod.", "inner."])
def test_prefixes(prefix):
    source = plain()
    assert same_logits(source, prefixed(source.state_dict(), prefix), plain(1))
    assert same_logits(source, prefixed(source.state_dict(), prefix), Custom())


def test_prefixes_of_the_model():
    source = plain()
    remapping = remap(source.state_dict(), nn.DataParallel(plain(1)))
    assert list(remapping.state) == list(nn.DataParallel(source).state_dict())


def test_a_compiled_part():
    source = plain()
    state = {n.replace("0.", "0._orig_mod.", 1): t for n, t in source.state_dict().items()}
    assert same_logits(source, state, plain(1))


def test_a_wrapped_network():
    source = FlattenWrapper(plain())
    target = FlattenWrapper(Custom())
    target.load_state_dict(remap(source.state_dict(), target).state)
    assert (source(x()) - target.eval()(x())).abs().max() < 1e-6


def test_equal_names_stay_and_are_told():
    source = plain()
    remapping = remap(source.state_dict(), plain(1))
    assert remapping.matched == list(source.state_dict())
    assert (remapping.renamed, remapping.complete, remapping.describe_mismatch()) == ({}, True, "")


def test_the_model_and_the_state_are_left_alone():
    target, state = Custom(), plain().state_dict()
    before, names = copy.deepcopy(target.state_dict()), list(state)
    remap(state, target)
    assert all(torch.equal(before[name], t) for name, t in target.state_dict().items())
    assert list(state) == names


def linears(*names, size=4):
    return {f"{name}.weight": torch.full((size, size), float(i)) for i, name in enumerate(names)}


class Numbered(nn.Module):
    """Layers of one size under given names."""

    def __init__(self, *names, size=4):
        super().__init__()
        for name in names:
            self.add_module(name, nn.Linear(size, size, bias=False))


def test_numbers_that_mean_other_layers_are_ambiguous():
    """0, 1, 2 are the layers 0, 2, 4 of a Sequential, or 0 and 2 are 0 and 2."""
    with pytest.raises(UserError, match=r"model: ambiguous: 2\.weight, 4\.weight;"):
        remap(linears("0", "1", "2"), Numbered("0", "2", "4"))
    remapping = remap(linears("0", "1", "2"), Numbered("0", "2", "4"), renames={"1": "2", "2": "4"})
    assert remapping.renamed == {"1.weight": "2.weight", "2.weight": "4.weight"}
    assert [float(t[0, 0]) for t in remapping.state.values()] == [0, 1, 2]


def test_numbers_with_shapes_that_tell():
    state = {f"{i}.weight": torch.zeros(i + 2, i + 1) for i in range(3)}
    model = nn.Sequential(
        *(m for i in range(3) for m in (nn.Linear(i + 1, i + 2, False), nn.ReLU()))
    )
    assert remap(state, model).renamed == {"1.weight": "2.weight", "2.weight": "4.weight"}


def test_layers_of_one_size_in_another_order_are_ambiguous():
    state = {**linears("a", "b"), "c.weight": torch.zeros(2, 4)}
    model = Numbered("d", "e")
    model = nn.ModuleDict({"f": nn.Linear(4, 2, bias=False), "d": model.d, "e": model.e})
    remapping = remap(state, model, dry_run=True)
    assert remapping.renamed == {"c.weight": "f.weight"}
    assert remapping.ambiguous == ["d.weight", "e.weight"]
    assert remapping.missing == remapping.unexpected == []
    with pytest.raises(UserError, match=r"d\.weight, e\.weight"):
        remap(state, model, strict=False)


def test_missing_unexpected_and_wrong_shape_are_listed():
    state = plain().state_dict()
    state["5.weight"] = torch.zeros(3, 9)
    state["6.scale"] = state.pop("0.bias")[:2]
    with pytest.raises(UserError) as caught:
        remap(state, plain())
    assert "\n" not in str(caught.value)
    for part in ("missing: 0.bias", "unexpected: 6.scale", "wrong shape: 5.weight"):
        assert part in str(caught.value)
    remapping = remap(state, plain(), strict=False)
    assert (remapping.missing, remapping.unexpected) == (["0.bias"], ["6.scale"])
    assert remapping.wrong_shape == ["5.weight"]
    assert set(plain().load_state_dict(remapping.state, strict=False).missing_keys) == {
        "0.bias",
        "5.weight",
    }


def test_every_tensor_has_one_place():
    remapping = remap(prefixed(plain().state_dict(), "module."), Custom())
    assert (
        len(set(remapping.renamed.values())) == len(remapping.renamed) == len(Custom().state_dict())
    )


def masked(seed):
    torch.manual_seed(seed)
    layer = nn.Linear(3, 3)
    layer.register_buffer("mask", torch.eye(3, dtype=torch.bool))
    return nn.Sequential(layer)


def test_masks_are_carried_and_not_made_of_zeros():
    source = masked(0)
    with torch.no_grad():
        source[0].weight[0, 0] = 0.0  # live, and zero
    remapping = remap(prefixed(source.state_dict(), "module."), masked(1))
    assert torch.equal(remapping.state["0.mask"], torch.eye(3, dtype=torch.bool))
    bare = {name: t for name, t in source.state_dict().items() if "mask" not in name}
    with pytest.raises(UserError, match=r"missing: 0\.mask"):
        remap(bare, masked(1))


def test_a_rename_that_fits_nothing_or_collides():
    with pytest.raises(UserError, match="has no nine"):
        remap(linears("a"), Numbered("a"), renames={"nine": "a"})
    with pytest.raises(UserError, match="two tensors"):
        remap(linears("a", "b"), Numbered("a", "b"), renames={"b": "a"})


def test_the_report_is_whole():
    remapping = remap(linears("a", "b"), Numbered("a", "c"), dry_run=True)
    assert remapping.lines() == [
        "1 matched, 1 renamed, 0 missing, 0 unexpected, 0 wrong shape, 0 ambiguous",
        "renamed: b.weight -> c.weight",
    ]


def test_the_list_of_names_in_an_error_is_short():
    with pytest.raises(UserError, match=r"l5\.weight and 2 more"):
        remap({}, Numbered(*(f"l{i}" for i in range(8))))
