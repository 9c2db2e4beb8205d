from __future__ import annotations

from pathlib import Path

import pytest

from espalier.errors import UserError
from espalier.sweep import devices

SMI = """\
GPU 0: NVIDIA H200 (UUID: GPU-aaaa-1)
GPU 1: NVIDIA H200 (UUID: GPU-bbbb-2)
"""
MIG = """\
GPU 0: NVIDIA A100 (UUID: GPU-aaaa-1)
  MIG 1g.5gb Device 0: (UUID: MIG-1111)
  MIG 1g.5gb Device 1: (UUID: MIG-2222)
"""


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(devices, "cores", lambda: 8)


def test_every_gpu_is_given_to_one_worker(gpus: None) -> None:
    assert devices.slots("auto", 0, 1) == ["2", "5"]
    assert devices.slots("cuda", 3, 1) == ["2", "5", "2"]
    assert set(devices.slots("cpu", 2, 1)) == {"cpu"}


def test_cores_are_shared_out_by_threads(no_gpu: None) -> None:
    assert devices.slots("auto", 0, 1) == ["cpu"] * 8
    assert devices.slots("auto", 0, 3) == ["cpu"] * 2
    assert devices.slots("cpu", 0, 16) == ["cpu"]
    assert devices.slots("cpu", 3, 16) == ["cpu"] * 3


def test_a_gpu_that_is_not_there_is_one_line(no_gpu: None) -> None:
    with pytest.raises(UserError, match="CONFIG_DEVICE_CUDA=y: no NVIDIA GPU is visible"):
        devices.slots("cuda", 0, 1)


def test_the_drivers_list() -> None:
    assert devices.listed(SMI) == ["GPU-aaaa-1", "GPU-bbbb-2"]
    assert devices.listed(MIG) == ["MIG-1111", "MIG-2222"]
    assert devices.listed("No devices were found\n") == []


@pytest.mark.parametrize(
    ("quota", "most"), [("max 100000", 10**6), ("150000 100000", 1), ("50000 100000", 1)]
)
def test_a_containers_quota_is_respected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, most: int
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(devices, "_QUOTA", tmp_path / "cpu.max")
    assert 1 <= devices.cores() <= most
