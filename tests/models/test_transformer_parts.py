"""Inner layers whose units have dendrites: as many parameters, and the sums of plain loops."""

from __future__ import annotations

import pytest
import torch
from kconfig_values import effective
from torch import Tensor, nn
from trial_tasks import TEXT, small_task

from espalier.core.contracts import CannotTrain
from espalier.core.samples import TokenShape
from espalier.core.trial import Status
from espalier.kconfig.config_dataclass import with_defaults
from espalier.layers.dendrites.dendritic_layer import DendriticLayer
from espalier.models.charlm import CharLM
from espalier.models.transformer_parts import count_synapses, make_inner
from espalier.train import worker_entry


def parameters(*parts: nn.Module) -> int:
    return sum(p.numel() for part in parts for p in part.parameters())


@pytest.mark.parametrize(("width", "dendrites"), [(128, 1), (128, 4), (128, 32), (12, 3), (9, 3)])
def test_dendritic_units_have_as_many_parameters_as_dense_ones(width: int, dendrites: int) -> None:
    assert parameters(*make_inner(width, 7, dendrites)) == parameters(*make_inner(width, 7, 0))


def test_the_published_sizes_of_the_character_transformer_stay() -> None:
    shape = TokenShape(65, 128)
    for ffn in ("dense", "dendritic"):
        assert with_defaults(CharLM, ffn=ffn).parameters(shape) == 1_222_721


def lrelu(value: float) -> float:
    return value if value > 0 else 0.1 * value


def run_soma(layer: DendriticLayer, x: list[float], unit: int) -> float:
    """One unit, synapse by synapse."""
    synapses, (weight, bias) = layer.synapses, (layer.weight, layer.bias)
    assert weight is not None and bias is not None
    total = float(bias[unit].detach())
    for place in range(weight.shape[1]):
        row = unit * weight.shape[1] + place
        pairs = zip(synapses.index[row].tolist(), synapses.weight[row].tolist(), strict=True)
        dendrite = float(synapses.bias[row].detach()) + sum(w * x[i] for i, w in pairs)
        total += float(weight[unit, place].detach()) * lrelu(dendrite)
    return lrelu(total)


def test_a_dendritic_inner_layer_is_its_loops() -> None:
    torch.manual_seed(1)
    layer = make_inner(12, 5, 3)[0].double()
    assert isinstance(layer, DendriticLayer)
    x = torch.randn(2, 3, 12, dtype=torch.float64)
    rows: list[list[float]] = x.flatten(0, 1).tolist()
    expected = [[run_soma(layer, row, unit) for unit in range(5)] for row in rows]
    got: Tensor = layer(x)
    torch.testing.assert_close(got.flatten(0, 1), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("dendrites", [5, 64, 128])
def test_dendrites_that_do_not_divide_the_width_are_one_line(dendrites: int) -> None:
    with pytest.raises(CannotTrain, match=f"dendrites={dendrites}: must divide the width 128"):
        count_synapses(128, dendrites)


def test_methods_that_exchange_neurons_are_not_offered() -> None:
    values = {"DATASET": "text", "MODEL": "charlm", "CHARLM_FFN": "dendritic"}
    assert "CHARLM_DENDRITES" in effective(values)
    assert "CHARLM_DENDRITES" not in effective({**values, "CHARLM_FFN": "dense"})


def test_packs_of_dendritic_transformers_train_as_alone() -> None:
    fields = {"CHARLM_FFN": "dendritic", "CHARLM_DENDRITES": "2", "PRUNING_METHOD": "none"}
    tasks = [
        small_task(**TEXT, **fields, OPTIMIZER="adam", NUM_EPOCHS="1", LEARNING_RATE=rate)
        for rate in ("0.001", "0.01")
    ]
    together = dict(worker_entry.train_pack(tasks))
    for place, task in enumerate(tasks):
        alone = worker_entry.train_trial(task)
        assert together[place].status is alone.status is Status.PASSED
        for name in ("train_loss", "val_loss", "test_loss"):
            expected = pytest.approx(alone.measures[name], rel=1e-5)
            assert together[place].measures[name] == expected
