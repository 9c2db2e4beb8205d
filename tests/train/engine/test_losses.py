"""The loss of several trials is that of each, bit for bit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.train.engine import losses
from espalier.train.engine.losses import mean_losses

K = 4
DTYPES = [torch.float32, torch.float64]


def both(classes: int, dtype: torch.dtype, samples: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(classes)
    logits = 4 * torch.randn(K * samples, classes, generator=generator, dtype=dtype)
    return logits, torch.randint(classes, (K * samples,), generator=generator)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("samples", [1, 2, 7, 8, 10, 32, 33])
@pytest.mark.parametrize("classes", [2, 3, 7, 10, 15, 16, 26])
def test_each_trials_loss_and_gradient_are_its_own(
    classes: int, samples: int, dtype: torch.dtype
) -> None:
    logits, y = both(classes, dtype, samples)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    together = mean_losses(ours, y, K)
    alone = torch.stack(
        [F.cross_entropy(part, own) for part, own in zip(theirs.chunk(K), y.chunk(K), strict=True)]
    )
    torch.testing.assert_close(together, alone, rtol=1e-6, atol=0)
    single = [mean_losses(p, q, 1) for p, q in zip(theirs.chunk(K), y.chunk(K), strict=True)]
    assert torch.equal(together, torch.cat(single))
    together.sum().backward()
    torch.cat(single).sum().backward()
    assert ours.grad is not None and theirs.grad is not None
    assert torch.equal(ours.grad, theirs.grad)


@pytest.mark.parametrize(
    ("capability", "shape", "narrow"),
    [
        ("AVX512", (32, 15), True),
        ("AVX512", (32, 16), False),
        ("AVX512", (30, 15), False),  # 14 of a column would be left
        ("AVX2", (24, 7), True),
        ("AVX2", (24, 8), False),
        ("DEFAULT", (32, 2), False),
    ],
)
def test_a_row_is_narrow_if_a_register_holds_more(
    monkeypatch: pytest.MonkeyPatch, capability: str, shape: tuple[int, int], narrow: bool
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert losses._is_narrow(torch.zeros(*shape)) is narrow


def test_text_has_a_label_a_character() -> None:
    logits = torch.zeros(2 * 3, 5, 4)
    assert torch.allclose(mean_losses(logits, torch.zeros(6, 5).long(), 2), torch.tensor(4.0).log())
