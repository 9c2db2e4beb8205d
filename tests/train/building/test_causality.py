"""Models that look at what they are to predict are refused, however well they hide it."""

import pytest
import torch
from torch import nn

from espalier.core.contracts import CannotTrain
from espalier.core.samples import TokenShape
from espalier.models.charlm import CharLM
from espalier.train.building.causality import check_causal

SHAPE = TokenShape(vocabulary=7, context=20)
WINDOW = torch.arange(20) % 7


class Model(nn.Module):
    """Embeds, mixes the features (n, t, 8) in some way, and tells."""

    def __init__(self, mix, shape=SHAPE):
        super().__init__()
        self.embedding, self.mix = nn.Embedding(shape.vocabulary, 8), mix
        self.head = nn.Linear(8, shape.vocabulary)

    def forward(self, x):
        return self.head(self.mix(self.embedding(x)))


class Convolution(nn.Module):
    """Over three places, `ahead` of them behind the one it is for."""

    def __init__(self, ahead):
        super().__init__()
        self.layer, self.ahead = nn.Conv1d(8, 8, 3), ahead

    def forward(self, x):
        padded = nn.functional.pad(x.transpose(1, 2), (2 - self.ahead, self.ahead))
        return self.layer(padded).transpose(1, 2)


def refused(mix):
    with pytest.raises(CannotTrain) as caught:
        check_causal(Model(mix), SHAPE, WINDOW)
    return caught.value.reason


def test_the_transformer_passes_in_either_form():
    for norm in ("post", "pre"):
        spec = CharLM(width=8, layers=2, heads=2, inner=16, dropout=0.5, norm=norm)
        check_causal(spec.build(SHAPE), SHAPE, WINDOW)


def test_looking_at_the_next_character_is_refused():
    check_causal(Model(Convolution(0)), SHAPE, WINDOW)
    assert refused(Convolution(1)) == "not_causal"


def test_attention_without_a_mask_is_refused():
    assert refused(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)) == "not_causal"


def test_a_mean_over_the_window_is_refused():
    class Mean(nn.Module):
        def forward(self, x):
            return x + 0.01 * x.mean(1, keepdim=True)

    assert refused(Mean()) == "not_causal"


def test_a_leak_behind_a_layer_of_zeros_is_found():
    model = Model(Convolution(1))
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    with pytest.raises(CannotTrain, match="not|depends"):
        check_causal(model, SHAPE, WINDOW)


def test_it_leaves_no_trace():
    model = CharLM(width=8, layers=1, heads=2, inner=16, dropout=0.5).build(SHAPE)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    stream, window = torch.get_rng_state(), WINDOW.clone()
    check_causal(model, SHAPE, window)
    assert model.training and torch.equal(stream, torch.get_rng_state())
    assert torch.equal(window, WINDOW)
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


@pytest.mark.parametrize("shape", [TokenShape(7, 1), TokenShape(1, 20), TokenShape(2, 2)])
def test_the_smallest_shapes_are_no_trouble(shape):
    window = torch.zeros(shape.context, dtype=torch.int64)
    check_causal(Model(nn.Identity(), shape), shape, window)
