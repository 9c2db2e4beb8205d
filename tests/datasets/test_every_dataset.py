"""The contract of every data set component: what the pipeline relies on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from espalier.core import component
from espalier.core.contracts import Dataset
from espalier.core.errors import UserError
from espalier.core.samples import RawData, RawText, TokenShape


@pytest.mark.parametrize("name", component.names("dataset"))
def test_is_loaded_or_says_in_a_line_what_it_lacks(name: str, tmp_path: Path) -> None:
    spec = component.find("dataset", name, Dataset)()
    try:
        raw = spec.load(tmp_path, download=False)
    except UserError as error:
        assert len(str(error).splitlines()) == 1
        return
    assert isinstance(raw, RawText if spec.holds is TokenShape else RawData)
    if isinstance(raw, RawData):
        check_part(raw.train_x, raw.train_y, raw.classes)
        check_part(raw.test_x, raw.test_y, raw.classes)
        assert raw.train_x.shape[1:] == raw.test_x.shape[1:]


def check_part(x: Tensor, y: Tensor, classes: int) -> None:
    assert x.ndim == 4 and len(x) == len(y) > 0
    assert y.dtype == torch.int64 and 0 <= int(y.min()) <= int(y.max()) < classes


@pytest.mark.parametrize("name", component.names("dataset"))
def test_is_the_same_whatever_the_seed(name: str, tmp_path: Path) -> None:
    spec, loaded = component.find("dataset", name, Dataset)(), []
    for seed in (1, 2):
        torch.manual_seed(seed)
        try:
            loaded.append(spec.load(tmp_path, download=False))
        except UserError:
            pytest.skip(f"{name} is not here")
    first, second = (raw.train_x if isinstance(raw, RawData) else raw.train for raw in loaded)
    assert torch.equal(first, second)
