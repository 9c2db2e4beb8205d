"""The zoo: every model can be built anew, run in both formats, and trained."""

import pytest
import torch
import zoo


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.parametrize("name", [s.name for s in zoo.ZOO if s.name != "ResNet-18"])
def test_a_model_is_what_its_seed_says_in_both_formats(name):
    specimen = zoo.find(name)
    model, wide = specimen.build(3), specimen.build(3, torch.float64)
    outputs = [
        m.eval()(specimen.inputs(1, dtype=d))
        for m, d in ((model, torch.float32), (wide, torch.float64))
    ]
    assert torch.allclose(outputs[0].double(), outputs[1], atol=1e-4)
    specimen.loss(outputs[0]).backward()
    assert any(p.grad is not None for p in model.parameters())


def test_there_are_at_least_25():
    assert len({s.name for s in zoo.ZOO}) == len(zoo.ZOO) >= 25
