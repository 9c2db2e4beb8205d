"""Orthogonalization of matrices by a quintic Newton-Schulz iteration.

Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks
(kellerjordan.github.io/posts/muon). With the post's coefficients five iterations take singular
values to about 0.7 to 1.2, and not to 1.
Differs: in the matrices' own number format; the post computes in bfloat16, for speed.
"""

from __future__ import annotations

from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
SMALL = 1e-7  # added to a norm that it divides by


def orthogonalize(matrices: Tensor) -> Tensor:
    """Return matrices (..., rows, columns) with the singular vectors of these and values near 1."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + SMALL)  # then no singular value is above 1
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.mT if tall else x
    return result
