"""Character transformers trained together are those trained alone, in float64 and in the engine."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from packing import Values, assert_same, train, trainer, varied
from torch import nn
from trial_tasks import TEXT, numbers, small_task

from espalier.core.records import PackShare
from espalier.core.samples import Split, TokenShape
from espalier.models.charlm import CharLM
from espalier.train import worker_entry
from espalier.train.data.text_windows import TextPart

SHAPE = TokenShape(vocabulary=7, context=6)
WISHES = {"DATASET": "text", "NUM_EPOCHS": "5", "PRUNING_RAMP_END_EPOCH": "3"}


@functools.cache
def text() -> Split:
    """40 windows of random characters."""
    generator = torch.Generator().manual_seed(0)
    characters = torch.randint(7, (241,), generator=generator)
    return TextPart(characters, 6, 6).split(torch.device("cpu"))


def model(**fields: Any) -> nn.Module:
    return CharLM(width=8, layers=2, heads=2, inner=12, **fields).build(SHAPE)


def configurations(**more: str) -> list[Values]:
    return [varied(WISHES, k, **more) for k in range(3)]


@pytest.mark.parametrize("fields", [{}, {"norm": "pre"}, {"dropout": 0.3}], ids=str)
@pytest.mark.parametrize(
    ("optimizer", "method"),
    [
        ("sgd", "none"),
        ("adamw", "magnitude"),
        ("adamwprune", "state"),
        ("adamw", "apoptosis_layers"),
    ],
)
def test_a_pack_of_transformers_is_the_transformers_alone(
    fields: dict[str, Any], optimizer: str, method: str
) -> None:
    values = configurations(OPTIMIZER=optimizer, PRUNING_METHOD=method)
    build = functools.partial(model, **fields)
    packed = train([trainer(value, build, text()) for value in values])
    for value, outcome in zip(values, packed, strict=True):
        (alone,) = train([trainer(value, build, text())])
        assert_same(alone, outcome)
        assert len(outcome.losses) == 50


def test_the_engine_packs_texts_and_their_results_are_those_of_trials_alone() -> None:
    tasks = [
        small_task(SEED=str(seed), OPTIMIZER="adamw", PRUNING_METHOD="none", **TEXT)
        for seed in (1, 2)
    ]
    for place, together in worker_entry.train_pack(tasks):
        alone = worker_entry.train_trial(tasks[place])
        assert together.provenance.pack == PackShare(size=2)
        for ours, theirs in zip(numbers(together)[0], numbers(alone)[0], strict=True):
            assert ours == pytest.approx(theirs, rel=1e-4)
        assert together.measures["floor_bigram"] == alone.measures["floor_bigram"]
