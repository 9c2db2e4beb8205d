"""A wrapper that is nothing but flattening."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from espalier import FlattenWrapper


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(12, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)).eval()


def x():
    return torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(1))


def test_it_gives_what_the_network_gives_for_flat_samples():
    inner = network()
    assert torch.equal(FlattenWrapper(inner)(x()), inner(x().reshape(4, 12)))


def test_samples_that_do_not_lie_in_one_piece():
    wrapper, turned = FlattenWrapper(network()), x().transpose(2, 3)
    assert not turned.is_contiguous()
    assert torch.equal(wrapper(turned), wrapper(turned.contiguous()))
    last = x().contiguous(memory_format=torch.channels_last)
    assert torch.equal(wrapper(last), wrapper(x()))


def test_names_of_the_state_are_those_of_the_network():
    wrapper = FlattenWrapper(network())
    assert list(wrapper.state_dict()) == list(wrapper.inner.state_dict())


@pytest.mark.parametrize("prefix", ["", "inner."])
def test_it_loads_names_with_and_without_a_prefix(prefix):
    saved = {prefix + name: tensor for name, tensor in network(1).state_dict().items()}
    wrapper, names = FlattenWrapper(network(2)), list(saved)
    wrapper.load_state_dict(saved)
    assert torch.equal(wrapper(x()), FlattenWrapper(network(1))(x()))
    assert list(saved) == names


def test_a_network_with_a_part_of_that_name():
    inner = nn.Sequential()
    inner.add_module("inner", network(1))
    other = copy.deepcopy(FlattenWrapper(inner))
    nn.init.zeros_(other.inner.inner[0].weight)
    other.load_state_dict(FlattenWrapper(inner).state_dict())
    assert torch.equal(other(x()), FlattenWrapper(inner)(x()))


def test_inside_another_network():
    whole = nn.Sequential(FlattenWrapper(network(1)), nn.ReLU())
    twin = nn.Sequential(FlattenWrapper(network(2)), nn.ReLU())
    assert "0.0.weight" in whole.state_dict()
    twin.load_state_dict(whole.state_dict())
    assert torch.equal(whole(x()), twin(x()))


def test_what_is_missing_or_too_much_is_said():
    state = network().state_dict()
    del state["0.weight"]
    state["7.weight"] = torch.zeros(1)
    with pytest.raises(RuntimeError, match=r"(?s)0\.weight.*7\.weight"):
        FlattenWrapper(network()).load_state_dict(state)


def test_nothing_is_passed_on_by_itself():
    with pytest.raises(AttributeError):
        _ = FlattenWrapper(nn.Linear(2, 2)).out_features


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))],
    ids=["deepcopy", "pickle"],
)
def test_copies(copied):
    wrapper = FlattenWrapper(network())
    twin = copied(wrapper)
    assert torch.equal(wrapper(x()), twin(x()))
    nn.init.zeros_(twin.inner[2].weight)
    assert not torch.equal(wrapper(x()), twin(x()))


def test_a_file_of_its_state():
    file = io.BytesIO()
    torch.save(FlattenWrapper(network(1)).state_dict(), file)
    file.seek(0)
    bare = network(2)
    bare.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(bare(x().flatten(1)), FlattenWrapper(network(1))(x()))
