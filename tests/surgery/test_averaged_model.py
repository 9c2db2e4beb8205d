"""An average of a model goes on after the model has grown."""

import pytest
import torch
from surgery_bodies import mlp, trained
from torch import nn
from torch.optim.swa_utils import AveragedModel

from espalier.surgery import averaged_model, resize
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import find_pairs


def test_an_average_follows_a_model_that_grows_and_one_that_shrinks():
    model, x, optimizer = trained(mlp)
    average = AveragedModel(model)
    with torch.no_grad():
        for p in average.parameters():
            p.add_(1.0)
    pair = find_pairs(model)[0]
    before = find_pairs(average.module)[0].producer.weight.detach().clone()
    site = EditContext(pair, optimizer)
    resize.widen(site, 3)
    averaged_model.follow(average, model)
    weight = find_pairs(average.module)[0].producer.weight
    assert torch.equal(weight[:-3], before) and not bool(weight[-3:].any())
    average.update_parameters(model)
    resize.narrow(site, torch.tensor([0]))
    averaged_model.follow(average, model)
    assert torch.equal(weight, pair.producer.weight)
    average.update_parameters(model)
    average(x)


def test_an_average_of_another_model_is_refused():
    with pytest.raises(ValueError, match=r"^bias: is not in both .*: average it anew"):
        averaged_model.follow(nn.Linear(2, 2, bias=False), nn.Linear(2, 2))
