"""A GPT: what it computes, where it is pruned, and packs of it, in float64."""

from __future__ import annotations

import functools
import math
from typing import Any

import pytest
import torch
from packing import Values, assert_same, train, trainer, varied
from torch import Tensor, nn
from torch.nn import functional as F
from trial_tasks import TEXT, numbers, small_task

from espalier.core.records import PackShare
from espalier.core.samples import Split, TokenShape
from espalier.models.gpt import Gpt
from espalier.sparse.prunable import cover
from espalier.surgery.pairing.pairs import find_pairs, search_pairs
from espalier.train import worker_entry
from espalier.train.data.text_windows import TextPart

SHAPE = TokenShape(vocabulary=7, context=6)
WISHES = {"DATASET": "text", "MODEL": "gpt", "NUM_EPOCHS": "5", "PRUNING_RAMP_END_EPOCH": "3"}


def model(**fields: Any) -> nn.Module:
    torch.manual_seed(0)
    return Gpt(width=8, layers=2, heads=2, **fields).build(SHAPE)


def by_the_paper(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """GPT-2 with 2 heads of 4 features, one sample and one place at a time."""
    rows = [state["transformer.wte.weight"][c] for c in x]
    h = torch.stack([r + state["transformer.wpe.weight"][i] for i, r in enumerate(rows)])
    for block in ("transformer.h.0", "transformer.h.1"):
        q, k, v = affine(state, f"{block}.attn.c_attn", norm(state, f"{block}.ln_1", h)).split(8, 1)
        mixed = torch.zeros_like(h)
        for place in range(len(x)):
            for part in (slice(0, 4), slice(4, 8)):
                scores = torch.stack([q[place, part] @ k[j, part] for j in range(place + 1)])
                shares = (scores / math.sqrt(4)).exp() / (scores / math.sqrt(4)).exp().sum()
                mixed[place, part] = shares @ v[: place + 1, part]
        h = h + affine(state, f"{block}.attn.c_proj", mixed)
        inner = affine(state, f"{block}.mlp.c_fc", norm(state, f"{block}.ln_2", h))
        gelu = inner * (1 + torch.erf(inner / math.sqrt(2))) / 2
        h = h + affine(state, f"{block}.mlp.c_proj", gelu)
    return norm(state, "transformer.ln_f", h) @ state["lm_head.weight"].T


def affine(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return x @ state[f"{name}.weight"].T + state.get(f"{name}.bias", torch.tensor(0.0))


def norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    centred = x - x.mean(1, keepdim=True)
    scaled = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
    return scaled * state[f"{name}.weight"] + state.get(f"{name}.bias", torch.tensor(0.0))


@pytest.mark.parametrize("fields", [{}, {"bias": False, "tied": False}], ids=str)
def test_logits_are_those_of_the_formulas(fields: dict[str, Any]) -> None:
    net = model(**fields).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) / 3)
        x = torch.arange(6) * 5 % 7
        torch.testing.assert_close(net(x[None])[0], by_the_paper(net.state_dict(), x))


def test_it_begins_as_nanogpt_does() -> None:
    torch.manual_seed(0)
    net = Gpt(width=64, layers=8).build(TokenShape(65, 32))
    assert isinstance(net.lm_head, nn.Linear)
    assert net.lm_head.weight is net.get_parameter("transformer.wte.weight")
    for name, parameter in net.named_parameters():
        if name.endswith("c_proj.weight"):  # 0.02 / sqrt(2 * 8)
            assert float(parameter.detach().std()) == pytest.approx(0.005, rel=0.05)
        elif parameter.ndim == 2:
            assert float(parameter.detach().std()) == pytest.approx(0.02, rel=0.05)
        else:
            assert bool((parameter == float("ln" in name and "weight" in name)).all())


def test_all_of_attention_and_the_inner_layers_can_be_pruned() -> None:
    kinds = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]
    expected = [f"transformer.h.{i}.{kind}.weight" for i in range(2) for kind in kinds]
    coverage = cover(model())
    assert list(coverage.weights) == expected
    assert "the table of the embedding transformer.wte" in coverage.left_out["lm_head.weight"]
    assert list(cover(model(tied=False)).weights) == [*expected, "lm_head.weight"]


def test_neurons_are_those_of_the_inner_layers() -> None:
    x = torch.zeros(1, 6, dtype=torch.int64)
    search = search_pairs(model(), None, x)
    names = [f"transformer.h.{i}.mlp.c_fc" for i in range(2)]
    assert [pair.name for pair in search.pairs] == names
    assert [pair.name for pair in find_pairs(model())] == names
    assert "transformer.h.0.attn.c_attn" in search.refused


@functools.cache
def text() -> Split:
    """40 windows of random characters."""
    generator = torch.Generator().manual_seed(0)
    characters = torch.randint(7, (241,), generator=generator)
    return TextPart(characters, 6, 6).split(torch.device("cpu"))


def configurations(**more: str) -> list[Values]:
    return [varied(WISHES, k, **more) for k in range(2)]


@pytest.mark.parametrize(
    ("fields", "optimizer", "method"),
    [
        ({}, "adamw", "magnitude"),
        ({"tied": False, "bias": False}, "adamwprune", "state"),
        ({"dropout": 0.3}, "sgd", "none"),
        ({}, "adamw", "apoptosis_layers"),
    ],
    ids=str,
)
def test_a_pack_is_the_trials_alone(fields: dict[str, Any], optimizer: str, method: str) -> None:
    values = configurations(OPTIMIZER=optimizer, PRUNING_METHOD=method)
    build = functools.partial(model, **fields)
    packed = train([trainer(value, build, text()) for value in values])
    for value, outcome in zip(values, packed, strict=True):
        (alone,) = train([trainer(value, build, text())])
        assert_same(alone, outcome)


def test_the_engine_packs_them() -> None:
    wishes = {"OPTIMIZER": "adamw", "PRUNING_METHOD": "none", **TEXT, "MODEL": "gpt"}
    wishes |= {"GPT_WIDTH": "8", "GPT_LAYERS": "1", "GPT_HEADS": "2"}
    tasks = [small_task(SEED=str(seed), **wishes) for seed in (1, 2)]
    for place, together in worker_entry.train_pack(tasks):
        alone = worker_entry.train_trial(tasks[place])
        assert together.provenance.pack == PackShare(size=2)
        for ours, theirs in zip(numbers(together)[0], numbers(alone)[0], strict=True):
            assert ours == pytest.approx(theirs, rel=1e-4)


def test_gradients_of_a_shared_table_come_from_both_of_its_places() -> None:
    """The same network with two tables has the two gradients by themselves."""
    tied, apart = model(), model(tied=False)
    apart.load_state_dict(tied.state_dict())
    x, y = torch.arange(6)[None], torch.arange(1, 7)
    for net in (tied, apart):
        F.cross_entropy(net(x)[0], y % 7).backward()
    gradient = tied.get_parameter("transformer.wte.weight").grad
    two = [apart.get_parameter(f"{name}.weight").grad for name in ("transformer.wte", "lm_head")]
    assert gradient is not None and two[0] is not None and two[1] is not None
    torch.testing.assert_close(gradient, two[0] + two[1])
