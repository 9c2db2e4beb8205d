"""Layout of the parameters of K runs, side by side in the rows of a matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

RunColumns = Sequence[Sequence[Tensor]]  # [i][k]: parameter i of run k
Stacks = Sequence[tuple[Tensor, Tensor]]  # [i]: all runs' values and gradients, (K, ...) each
Groups = list[dict[str, Any]]  # `param_groups` of an optimizer

_NOWHERE = -1


class Layout:
    """Parameters in the order of their groups: columns `a:b` of every (K, N) matrix are one's."""

    def __init__(self, columns: RunColumns, stacks: Stacks, groups: list[int]) -> None:
        """`groups[i]` is the group of parameter i; they ascend."""
        self.columns, self._stacks, self._members = columns, stacks, groups
        self.runs = len(columns[0])
        self.device, self.dtype = stacks[0][0].device, stacks[0][0].dtype
        self._weights = [weights.detach().view(self.runs, -1) for weights, _ in stacks]
        self._grads = [grads.detach().view(self.runs, -1) for _, grads in stacks]
        self._sizes = [weights.shape[1] for weights in self._weights]
        self.groups = [self._columns_of(group, groups) for group in range(max(groups) + 1)]

    def _columns_of(self, index: int, groups: list[int]) -> slice:
        start = sum(n for n, group in zip(self._sizes, groups, strict=True) if group < index)
        end = sum(n for n, group in zip(self._sizes, groups, strict=True) if group <= index)
        return slice(start, end)

    def part(self, groups: range) -> Layout | None:
        """Return the layout of the parameters of some groups alone, None if there are none."""
        rows = [row for row in zip(self.columns, self._stacks, self._members, strict=True)]
        own = [(columns, stacks, g - groups.start) for columns, stacks, g in rows if g in groups]
        return Layout(*map(list, zip(*own, strict=True))) if own else None

    def matrices(self, matrix: Tensor) -> Iterator[Tensor]:
        """Yield each parameter's part of a (K, N) matrix, (K, ...) in the parameter's shape."""
        parts = torch.split(matrix, self._sizes, 1)
        for part, (weights, _) in zip(parts, self._stacks, strict=True):
            yield part.view(weights.shape)

    def zeros(self) -> Tensor:
        """Return zeros (K, N)."""
        return torch.zeros(self.runs, sum(self._sizes), dtype=self.dtype, device=self.device)

    def weights(self) -> Tensor:
        """Copy all parameters, (K, N)."""
        return torch.cat(self._weights, 1)

    def grads(self) -> Tensor:
        """Copy all gradients, (K, N)."""
        return torch.cat(self._grads, 1)

    def put_weights(self, matrix: Tensor) -> None:
        """Copy a (K, N) matrix into the parameters."""
        torch.split_with_sizes_copy(matrix, self._sizes, 1, out=self._weights)

    def put_grads(self, matrix: Tensor) -> None:
        """Copy a (K, N) matrix into the gradients."""
        torch.split_with_sizes_copy(matrix, self._sizes, 1, out=self._grads)

    def each_group(self, values: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Yield each group's columns of the matrices and (K, 1) of `values` (K, groups)."""
        for g, columns in enumerate(self.groups):
            yield columns, values[:, g : g + 1]

    def views(self, matrix: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yield each run's number, parameter and part of `matrix` in the parameter's shape."""
        for column, part in zip(self.columns, torch.split(matrix, self._sizes, 1), strict=True):
            for k, (parameter, row) in enumerate(zip(column, part, strict=True)):
                yield k, parameter, row.view(parameter.shape)


def find_layout(runs: list[Groups], columns: RunColumns, stacks: Stacks) -> Layout | None:
    """Return the layout if all runs have the same parameters in the same groups, else None.

    Columns that no group holds, of parameters that are not trained, are left out, and so may be
    parameters without a gradient.
    """
    places = [{id(p): g for g, group in enumerate(r) for p in group["params"]} for r in runs]
    members = [
        {place.get(id(p), _NOWHERE) for p, place in zip(column, places, strict=True)}
        for column in columns
    ]
    rows = [row for row in zip(members, columns, stacks, strict=True) if row[0] != {_NOWHERE}]
    tensors = [tensor for _, _, pair in rows for tensor in pair]
    alike = len({len(groups) for groups in runs}) == 1 and all(len(group) == 1 for group in members)
    if not rows or not alike or not _plain(tensors) or _others(runs, columns):
        return None
    rows.sort(key=lambda row: min(row[0]))
    return Layout([row[1] for row in rows], [row[2] for row in rows], [min(row[0]) for row in rows])


def _others(runs: list[Groups], columns: RunColumns) -> bool:
    """Return whether an optimizer would update parameters that are not in `columns`."""
    listed = {id(parameter) for column in columns for parameter in column}
    parameters = (p for groups in runs for group in groups for p in group["params"])
    return any(p.grad is not None and id(p) not in listed for p in parameters)


def _plain(tensors: list[Tensor]) -> bool:
    kinds = {(tensor.device, tensor.dtype) for tensor in tensors}
    return len(kinds) == 1 and all(tensor.is_contiguous() for tensor in tensors)
