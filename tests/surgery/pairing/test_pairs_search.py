"""Pairs that a pass shows: which there are, what is refused and why, and that surgery is exact."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.surgery import birth, resize
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import find_pairs, propose_pairs, search_pairs


class By(nn.Module):
    """Layers by name, and a forward over them."""

    def __init__(self, forward, **layers: nn.Module) -> None:
        super().__init__()
        self.function = forward
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


class Conv1D(nn.Module):
    """As in GPT-2: the weight is (inputs, outputs)."""

    def __init__(self, nf: int, nx: int) -> None:
        super().__init__()
        self.nf, self.weight = nf, nn.Parameter(torch.randn(nx, nf))
        self.bias = nn.Parameter(torch.zeros(nf))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(
            *x.shape[:-1], self.nf
        )


class Doubled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def gated(m: By, x: Tensor) -> Tensor:
    return x + m.w2(F.silu(m.w1(x)) * m.w3(x))


def plain(m: By, x: Tensor) -> Tensor:
    return m.fc2(F.relu(m.fc1(x), inplace=True))


def net(forward, first: nn.Module | None = None, second: nn.Module | None = None) -> By:
    return By(forward, fc1=first or nn.Linear(4, 6), fc2=second or nn.Linear(6, 3))


def swiglu() -> By:
    w = [nn.Linear(4, 6, bias=False) for _ in range(2)]
    return By(gated, w1=w[0], w3=w[1], w2=nn.Linear(6, 4, bias=False))


def maps(kind: type[nn.Module], dims: int) -> tuple[nn.Module, Tensor]:
    norm = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[dims - 1]
    first, second = kind(2, 5, 3, stride=2), kind(5, 3, 2)

    def forward(m: By, x: Tensor) -> Tensor:
        return m.fc2(torch.tanh(m.norm(m.fc1(x))) * 0.5)

    return By(forward, fc1=first, norm=norm(5), fc2=second), torch.randn(3, 2, *[7] * dims)


def pooled() -> tuple[nn.Module, Tensor]:
    model = net(lambda m, x: m.fc2(F.relu(m.fc1(x)).mean((2, 3))), nn.Conv2d(2, 6, 3))
    return model, torch.randn(3, 2, 5, 5)


def flattened() -> tuple[nn.Module, Tensor]:
    def forward(m: By, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(m.fc1(x)), 2)
        return m.fc2(x.view(x.size(0), -1))

    return net(forward, nn.Conv2d(2, 6, 3), nn.Linear(24, 3)), torch.randn(3, 2, 6, 6)


V = (3, 4)  # vectors
EXACT = {
    "functional": lambda: (net(plain), torch.randn(V)),
    "swiglu": lambda: (swiglu(), torch.randn(V)),
    "gpt2": lambda: (net(plain, Conv1D(6, 4), Conv1D(3, 6)), torch.randn(2, 3, 4)),
    "encoder": lambda: (nn.TransformerEncoderLayer(4, 2, 6, 0.1), torch.randn(5, 3, 4)),
    "decoder": lambda: (nn.TransformerDecoderLayer(4, 2, 6), (torch.randn(5, 3, 4),) * 2),
    "conv1d": lambda: maps(nn.Conv1d, 1),
    "conv3d": lambda: maps(nn.Conv3d, 3),
    "transposed1d": lambda: maps(nn.ConvTranspose1d, 1),
    "transposed2d": lambda: maps(nn.ConvTranspose2d, 2),
    "pooled": pooled,
    "flattened": flattened,
}


@pytest.mark.parametrize("name", EXACT)
def test_surgery_on_pairs_that_a_pass_shows_is_exact(name) -> None:
    torch.manual_seed(0)
    model, x = EXACT[name]()
    x = tuple(t.double() for t in x) if isinstance(x, tuple) else x.double()
    model = model.double().eval()
    run = lambda: model(*x) if isinstance(x, tuple) else model(x)  # noqa: E731
    (pair,) = find_pairs(model, example=x)
    before, site, generator = run().detach(), EditContext(pair), torch.Generator().manual_seed(0)
    size = pair.size
    birth.fresh(site, resize.widen(site, 2), generator)
    birth.split(site, resize.widen(site, 2), torch.tensor([0, 1]), generator)
    birth.signed(site, resize.widen(site, 2), generator)
    assert (run() - before).abs().max() < 1e-10 and pair.size == size + 6
    resize.narrow(site, resize.widen(site, 1))
    assert (run() - before).abs().max() < 1e-10
    assert [p.name for p in find_pairs(model, example=x)] == [pair.name]


def readers(m: By, x: Tensor) -> Tensor:
    h = m.fc1(x)
    return m.fc2(F.relu(h)) + h.mean(-1, keepdim=True)


def written(m: By, x: Tensor) -> Tensor:
    h = m.fc1(x)
    h[:, 0] = 0.0
    return m.fc2(h)


def inside(m: By, x: Tensor) -> Tensor:
    return m.seq(x) + m.other(m.seq[0](x))


REFUSED = {
    "other inputs": (
        By(
            lambda m, x: m.fc2(m.fc1(x) * m.gate(x + 1)),
            **{"fc1": nn.Linear(4, 6), "gate": nn.Linear(4, 6), "fc2": nn.Linear(6, 3)},
        ),
        "2 layers make it of different inputs",
    ),
    "another reader": (net(readers), "the result of add is an output|mean"),
    "layer norm": (net(lambda m, x: m.fc2(F.layer_norm(m.fc1(x), (6,)))), "layer_norm may mix"),
    "written": (net(written), "setitem may mix"),
    "softmax": (net(lambda m, x: m.fc2(m.fc1(x).softmax(-1))), "softmax may mix"),
    "random slopes": (net(lambda m, x: m.fc2(F.rrelu(m.fc1(x), training=m.training))), "rrelu may"),
    "own scales": (net(lambda m, x: m.fc2(m.fc1(x) * torch.arange(6.0))), "mul joins it"),
    "weight read": (
        net(lambda m, x: plain(m, x) + m.fc2.weight.T.sum()),
        "its weight is also read by get",
    ),
    "twice": (net(lambda m, x: plain(m, x) + plain(m, x)), "called 2 times"),
    "own forward": (net(plain, Doubled(4, 6)), "forward of Doubled is its own"),
    "shuffled": (net(lambda m, x: m.fc2(m.fc1(x).flip(-1))), "flip may mix"),
    "masked": (net(lambda m, x: m.fc2(m.fc1(x)[..., [5, 4, 3, 2, 1, 0]])), "getitem may mix"),
    "grouped": (net(plain, nn.Conv1d(4, 6, 1, groups=2), nn.Conv1d(6, 3, 1)), "2 groups"),
    "gelu halves": (
        net(lambda m, x: m.fc2(torch.mul(*m.fc1(x).chunk(2, -1))), nn.Linear(4, 12)),
        "chunk may mix",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_pair_is_refused_with_the_reason(name) -> None:
    model, reason = REFUSED[name]
    x = torch.randn(3, 4, 1) if name == "grouped" else torch.randn(3, 4)
    search = search_pairs(model, None, x)
    assert not search.pairs
    with pytest.raises(ValueError, match=f"fc1 -> fc2: .*({reason})"):
        find_pairs(model, [("fc1", "fc2")], x)


def test_a_reader_inside_a_chain_is_seen() -> None:
    model = By(
        inside,
        seq=nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)),
        other=nn.Linear(6, 3),
    )
    assert [pair.name for pair in find_pairs(model)] == ["seq.0"]  # taken at its word
    assert find_pairs(model, example=torch.randn(3, 4)) == []


def test_frozen_layers_are_no_pairs() -> None:
    model = net(plain)
    model.fc2.requires_grad_(False)
    search = search_pairs(model, None, torch.randn(3, 4))
    assert not search.pairs and search.refused["fc1"] == "of its reader, a Linear: it is frozen"


def test_names_have_the_same_text_in_the_places_of_their_wildcards() -> None:
    model = nn.Sequential(swiglu(), swiglu())
    x = torch.randn(3, 4)
    pairs = find_pairs(model, [(("*.w1", "*.w3"), "*.w2")], x)
    assert [(pair.name, pair.consumer) for pair in pairs] == [
        ("0.w1", model[0].w2),
        ("1.w1", model[1].w2),
    ]
    assert all(len(pair.producers) == 2 and pair.incoming().shape == (6, 8) for pair in pairs)
    with pytest.raises(ValueError, match="0.w1 -> 0.w2: 2 layers make .* 1 are named; 1.w1"):
        find_pairs(model, [("*.w1", "*.w2")], x)
    with pytest.raises(ValueError, match="0.w1, 0.w3 -> 0.w2: give example="):
        find_pairs(model, [(("*.w1", "*.w3"), "*.w2")])


@pytest.mark.parametrize(
    "pairs, rule",
    [
        ("fc1", "must be a list of pairs"),
        ([], "must be a list of pairs"),
        (["fc1"], "'fc1' is no pair of names"),
        ([("fc1", "fc*")], "same number of"),
        ([("fc9", "fc2")], "no module of the model is called 'fc9'"),
        ([("fc1", "fc9")], "'fc1' is a module of the model, 'fc9' is not"),
    ],
)
def test_what_names_no_pairs(pairs, rule) -> None:
    with pytest.raises(ValueError, match=rule):
        find_pairs(net(plain), pairs, torch.randn(3, 4))


def test_a_pass_changes_nothing() -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(), nn.Linear(6, 3))
    model[0].eval()
    held = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    find_pairs(model, example=torch.randn(1, 4, generator=torch.Generator()))
    assert all(torch.equal(value, held[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training and not model[0].training
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model.modules())


def turned(module: nn.Module, args: object, output: Tensor) -> Tensor:
    return output.flip(-1)


def doubled(module: nn.Module, args: object, output: Tensor) -> None:
    output.mul_(2)


def module_net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


@pytest.mark.parametrize("hook", [turned, doubled])
@pytest.mark.parametrize(("place", "of"), [(0, "it"), (1, "ReLU")])
def test_a_hook_that_changes_what_a_module_puts_out_is_seen(hook, place, of) -> None:
    model = module_net()
    model[place].register_forward_hook(hook)
    search = search_pairs(model, None, torch.randn(3, 4))
    assert search.pairs == []
    assert search.refused["0"].startswith(f"a hook on {of} changes")


def test_a_hook_that_changes_what_a_layer_reads_is_seen() -> None:
    model = module_net()
    model[2].register_forward_pre_hook(lambda module, args: (args[0].flip(-1),))
    search = search_pairs(model, None, torch.randn(3, 4))
    assert search.pairs == []
    assert search.refused["2"] == "a hook on it changes what it reads or puts out"


def test_hooks_that_look_on_change_nothing() -> None:
    model, seen = module_net(), list[float]()
    model[0].register_forward_hook(lambda m, args, output: seen.append(output.mean().item()))
    model[2].register_forward_pre_hook(lambda m, args: seen.append(args[0].mean().item()))
    model[0].register_full_backward_hook(lambda m, inputs, outputs: None)
    (pair,) = search_pairs(model, None, torch.randn(3, 4)).pairs
    assert (pair.producer, pair.consumer) == (model[0], model[2])
    assert len(seen) == 4


def test_without_a_pass_each_layer_has_a_reason() -> None:
    apart = nn.ModuleDict(
        {"a": nn.ModuleList([nn.Linear(4, 6)]), "b": nn.ModuleList([Doubled(6, 3)])}
    )
    search = propose_pairs(apart, None)
    assert search.pairs == []
    assert search.refused == {
        "a.0": "no layer next to it fits: give example=, an input of the model, or pairs=",
        "b.0": "the forward of Doubled is its own",
    }
