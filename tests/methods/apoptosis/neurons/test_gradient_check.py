"""A loop that clears gradients too early is noticed at its first step."""

import pytest
import torch
from torch import nn

import espalier


@pytest.mark.parametrize(
    ("order", "metric"), [("none", None), ("zeros", None), ("zeros", "taylor")]
)
def test_gradients_cleared_before_the_managers_step(order, metric):
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    own = {} if metric is None else {"fitness_metric": metric}
    manager = espalier.NeuronApoptosisManager(model, prune_rate=0.2, apoptosis_interval=2, **own)
    for _ in range(2):
        model(torch.randn(8, 4)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=order == "none")
        if metric is None:
            with pytest.raises(ValueError, match=r"call manager.step\(\) between optimizer.step"):
                manager.step()
            return
        manager.step()
    assert len(manager.apoptosis_events) == 1  # this one needs no gradients of weights


def test_an_output_that_begins_at_0_leaves_gradients_enough():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    nn.init.zeros_(model[2].weight)
    manager = espalier.NeuronApoptosisManager(model, prune_rate=0.2, apoptosis_interval=2)
    model(torch.randn(8, 4)).sum().backward()
    assert bool((model[0].weight.grad == 0).all())
    manager.step()
