"""The factorisation in blocks against torch's own."""

import pytest
import torch

from espalier.surgery.cholesky import BLOCK, factor, solved


def positive(size):
    x = torch.randn(2 * size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x.T @ x


@pytest.mark.parametrize("size", [1, 5, BLOCK, BLOCK + 1, 3 * BLOCK - 7])
def test_as_whole(size):
    matrix = positive(size)
    found = factor(matrix.clone()).triu()
    assert torch.allclose(found, torch.linalg.cholesky(matrix).T)


def test_systems_are_solved():
    matrix, wanted = positive(150), torch.ones(150, 2, dtype=torch.float64)
    assert torch.allclose(matrix @ solved(factor(matrix.clone()), wanted), wanted)


def test_of_four():
    """[[4, 2], [2, 5]] is R^T R of [[2, 1], [0, 2]]."""
    found = factor(torch.tensor([[4.0, 2.0], [2.0, 5.0]])).triu()
    assert torch.equal(found, torch.tensor([[2.0, 1.0], [0.0, 2.0]]))


def test_what_is_not_positive_definite_is_refused():
    matrix = torch.eye(BLOCK + 2)
    matrix[-1, -1] = -1.0
    with pytest.raises(torch.linalg.LinAlgError):
        factor(matrix)
