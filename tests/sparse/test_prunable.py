"""What of a model can be masked, and what is left out and why."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm

from espalier.sparse.orientation import ROWS, Orientation
from espalier.sparse.prunable import cover, prunable

INPUTS_FIRST = Orientation(transposed=True)


class OwnForward(nn.Linear):
    def forward(self, x):
        return super().forward(x) * 2


class OwnConvolution(nn.Conv2d):
    def _conv_forward(self, x, weight, bias):
        return super()._conv_forward(x, weight - weight.mean(), bias)


class Renamed(nn.Linear):
    """A subclass that changes nothing of what is computed."""


class Conv1D(nn.Module):
    """As in transformers; `nf` are the outputs."""

    def __init__(self, nf, nx):
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight, self.bias = nn.Parameter(torch.ones(nx, nf)), nn.Parameter(torch.zeros(nf))

    def forward(self, x):
        return x @ self.weight + self.bias


class Doubled(nn.Module):
    def forward(self, weight):
        return 2 * weight


def test_linear_and_convolution_weights_that_are_trained_count_once_each():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Embedding(3, 4), nn.Linear(4, 4), nn.Linear(4, 4)
    )
    model[4].weight = model[3].weight  # shared
    frozen = nn.Linear(2, 2)
    frozen.weight.requires_grad = False
    coverage = cover(model.append(frozen))
    assert list(coverage.weights) == ["0.weight", "3.weight"]
    assert coverage.left_out == {"2.weight": "an embedding", "5.weight": "it is frozen"}
    assert coverage.share == (18 + 16) / (18 + 12 + 16 + 4)
    assert list(prunable(nn.Linear(2, 2))) == ["weight"]


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (nn.Conv1d(2, 3, 3), ["weight"]),
        (nn.Conv3d(2, 3, 3), ["weight"]),
        (nn.Bilinear(2, 3, 4), ["weight"]),
        (Renamed(2, 3), ["weight"]),
        (nn.MultiheadAttention(4, 2), ["in_proj_weight", "out_proj.weight"]),
        (
            nn.MultiheadAttention(4, 2, kdim=3, add_bias_kv=True),
            ["q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj.weight"],
        ),
        (nn.GRU(2, 3), ["weight_ih_l0", "weight_hh_l0"]),
        (nn.LSTM(2, 3, proj_size=1), ["weight_ih_l0", "weight_hh_l0", "weight_hr_l0"]),
        (
            nn.RNN(2, 3, bidirectional=True),
            [f"weight_{a}_l0{b}" for b in ("", "_reverse") for a in ("ih", "hh")],
        ),
        (nn.LSTMCell(2, 3), ["weight_ih", "weight_hh"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_matrices_of_torchs_layers(layer, names):
    coverage = cover(layer)
    assert list(coverage.weights) == names
    assert set(coverage.orientations.values()) == {ROWS}
    assert coverage.left_out == {} and coverage.share == 1


@pytest.mark.parametrize(
    ("layer", "orientation"),
    [
        (Conv1D(3, 2), INPUTS_FIRST),
        (nn.ConvTranspose1d(2, 3, 3), INPUTS_FIRST),
        (nn.ConvTranspose3d(4, 6, 3, groups=2), Orientation(transposed=True, groups=2)),
    ],
    ids=["Conv1D", "ConvTranspose1d", "ConvTranspose3d"],
)
def test_layers_whose_inputs_come_first_say_so(layer, orientation):
    assert cover(layer).orientations == {"weight": orientation}


def _with(module, change):
    change(module)
    return module


def _double(layer):
    parametrize.register_parametrization(layer, "weight", Doubled())


@pytest.mark.parametrize(
    ("layer", "name", "reason"),
    [
        (OwnForward(3, 3), "weight", "OwnForward has a forward of its own"),
        (OwnConvolution(2, 2, 3), "weight", "OwnConvolution has a forward of its own"),
        (_with(nn.Linear(3, 3), lambda m: setattr(m, "forward", lambda x: x)), "weight", "own"),
        (_with(nn.Linear(3, 3), lambda m: prune.identity(m, "weight")), "weight_orig", "remove"),
        (spectral_norm(nn.Linear(3, 3)), "weight_orig", "spectral_norm computes it"),
        (
            _with(nn.LSTM(2, 3), lambda m: spectral_norm(m, "weight_hh_l0")),
            "weight_hh_l0_orig",
            "spectral_norm computes it",
        ),
        (
            parametrizations.orthogonal(nn.Linear(3, 3)),
            "parametrizations.weight.original",
            "parametrization Orthogonal",
        ),
        (
            _with(OwnForward(3, 3), _double),
            "parametrizations.weight.original",
            "OwnForward has a forward of its own",
        ),
        (nn.Linear(3, 3, dtype=torch.complex64), "weight", "complex"),
        (nn.ParameterList([torch.ones(2, 2)]), "0", "ParameterList holds it itself"),
    ],
)
def test_what_cannot_be_masked_is_left_out_with_the_reason(layer, name, reason):
    coverage = cover(layer)
    assert name not in coverage.weights
    assert reason in coverage.left_out[name]


def test_a_weight_is_left_out_if_any_of_its_places_says_so():
    model = nn.ModuleDict(
        {
            "wte": nn.Embedding(5, 4),
            "head": nn.Linear(4, 5),
            "a": nn.Linear(4, 4),
            "b": OwnForward(4, 4),
        }
    )
    model["head"].weight = model["wte"].weight
    model["b"].weight = model["a"].weight
    assert cover(model).left_out == {
        "head.weight": "it is the table of the embedding wte.weight too",
        "a.weight": "OwnForward has a forward of its own",
    }


def test_a_shared_layer_goes_by_each_of_its_names():
    layer = nn.Linear(2, 2)
    model = nn.ModuleDict({"a": layer, "b": layer})
    assert list(cover(model, "b").weights) == list(cover(model).weights) == ["a.weight"]


def test_vectors_are_no_matrices():
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 1))
    model.register_parameter("token", nn.Parameter(torch.ones(1, 1, 4)))
    assert cover(model).share == 1 and cover(model).left_out == {}


BLOCKS = nn.ModuleDict(
    {
        "wte": nn.Embedding(5, 4),
        "blocks": nn.ModuleList(
            nn.ModuleDict(
                {"up": nn.Linear(4, 8), "norm": nn.LayerNorm(8), "down": OwnForward(8, 4)}
            )
            for _ in range(2)
        ),
    }
)


@pytest.mark.parametrize(
    "layers", ["blocks.*.up", "blocks.*", "blocks", ["blocks.0.up", "blocks.1.up.weight"], "*"]
)
def test_layers_are_chosen_by_name(layers):
    coverage = cover(BLOCKS, layers)
    assert list(coverage.weights) == ["blocks.0.up.weight", "blocks.1.up.weight"]
    assert "wte.weight" in coverage.left_out


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ("blocks.0.down", r"'blocks.0.down': blocks.0.down.weight is left out: OwnForward has"),
        (["blocks.0.up", "blocks.0.down.weight"], "blocks.0.down.weight is left out"),
        ("blocks.*.down", "blocks.0.down.weight is left out"),
        ("wte", "wte.weight is left out: an embedding"),
        ("blocks.0.norm", "'blocks.0.norm' names no weight in a matrix; there are wte.weight, bl"),
        ("fc1", "names no weight"),
        ([], "must be names"),
        ([nn.Linear(2, 2)], "must be names"),
    ],
)
def test_a_name_of_nothing_or_of_what_cannot_be_masked_is_refused(layers, words):
    with pytest.raises(ValueError, match=words):
        cover(BLOCKS, layers)


def test_a_share_below_nine_tenths_is_one_warning_and_none_without_a_weight_an_error():
    with pytest.warns(
        UserWarning, match=r"^RigL: 71\.4 % of .* left out: 1\.weight \(it is frozen"
    ):
        cover(_half_frozen()).require("RigL")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cover(_half_frozen(), "0").require("RigL")  # the user has said so
        cover(nn.Linear(3, 3)).require("RigL")
    with pytest.raises(
        ValueError, match="^RigL: the model has no .* left out: weight .an embedding"
    ):
        cover(nn.Embedding(2, 3)).require("RigL")
    with pytest.raises(ValueError, match="0.weight has no size yet: run a batch"):
        cover(nn.Sequential(nn.LazyLinear(3)))


def _half_frozen():
    model = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 2))
    model[1].requires_grad_(False)
    return model


def test_names_are_the_users_whatever_wraps_the_model():
    model = _half_frozen()
    assert list(prunable(nn.DataParallel(model))) == ["0.weight"]
    assert list(prunable(torch.compile(model))) == ["0.weight"]
    model[0] = torch.compile(model[0])
    assert list(prunable(model, "0")) == ["0.weight"]
    assert cover(copy.deepcopy(model)).share == 25 / 35
