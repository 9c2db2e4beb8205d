from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import takewhile
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.run import devices, gpu_driver

SMI = """\
GPU 0: NVIDIA H200 (UUID: GPU-aaaa-1)
GPU 1: NVIDIA H200 (UUID: GPU-bbbb-2)
"""
MIG = """\
GPU 0: NVIDIA A100 (UUID: GPU-aaaa-1)
  MIG 1g.5gb Device 0: (UUID: MIG-1111)
  MIG 1g.5gb Device 1: (UUID: MIG-2222)
"""

FREE = """\
0, GPU-aaaa-1, 80000
1, GPU-bbbb-2, 1024
2, GPU-cccc-3, [N/A]
"""


@pytest.fixture(autouse=True)
def _every_gpu_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_driver, "existing", list)


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says which names are GPUs here."""

    def use(*names: str) -> None:
        known = partial(takewhile, names.__contains__)
        monkeypatch.setattr(gpu_driver, "existing", lambda given: list(known(given)))

    return use


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(devices, "cores", lambda: 8)


def test_every_gpu_is_given_to_one_worker(gpus: None) -> None:
    assert devices.slots("auto", 0, 1) == ["2", "5"]
    assert devices.slots("cuda", 3, 1) == ["2", "5", "2"]
    assert set(devices.slots("cpu", 2, 1)) == {"cpu"}


@pytest.mark.parametrize("parallel", range(1, 12))
def test_workers_are_spread_evenly_over_the_first_gpus(
    monkeypatch: pytest.MonkeyPatch, parallel: int
) -> None:
    gpus = ["3", "GPU-b", "MIG-c", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(gpus))
    slots = devices.slots("auto", parallel, 1)
    assert slots == devices.slots("cuda", parallel, 16)  # the same each time, whatever the cores
    assert len(slots) == parallel  # each worker has one of them
    counts = [slots.count(name) for name in gpus]
    assert sum(counts) == parallel
    assert counts == sorted(counts, reverse=True)  # the first ones
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("value", "gpus"),
    [
        ("0,1", ["0", "1"]),
        (" 1 , 0 ", ["1", "0"]),
        ("0,0,1", ["0", "1"]),
        ("0,-1,1", ["0"]),
        ("0,,1", ["0"]),
        ("-1", []),
        ("NoDevFiles", []),
        ("MIG-GPU-aaaa/1/0,GPU-bb", ["MIG-GPU-aaaa/1/0", "GPU-bb"]),
    ],
)
def test_an_inherited_list_of_gpus_means_what_cuda_takes_it_for(
    monkeypatch: pytest.MonkeyPatch, value: str, gpus: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert devices.visible_gpus() == gpus


def test_the_driver_is_asked_where_nothing_is_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(
        f"#!/bin/sh\ncase $1 in -L) cat <<E\n{MIG}E\n;; *) cat <<E\n{FREE}E\nesac\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert devices.slots("auto", 0, 1) == ["MIG-1111", "MIG-2222"]
    assert devices.free_memory()["1"] == 1024 << 20
    program.write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
    assert devices.free_memory() == {}


def test_devices_in_words() -> None:
    assert devices.describe_devices(["cpu", "cpu"]) == "on the CPU"
    assert devices.describe_devices(["this process"]) == "in this process"
    assert devices.describe_devices(["2", "5", "2"]) == "on 2 GPUs"
    assert devices.describe_devices(["GPU-aaaa-1"]) == "on 1 GPU"
    assert devices.describe_devices(["MIG-1", "MIG-2"]) == "on 2 GPU slices"


def test_cores_are_shared_out_by_threads(no_gpu: None) -> None:
    assert devices.slots("auto", 0, 1) == ["cpu"] * 8
    assert devices.slots("auto", 0, 3) == ["cpu"] * 2
    assert devices.slots("cpu", 0, 16) == ["cpu"]
    assert devices.slots("cpu", 3, 16) == ["cpu"] * 3


def test_a_gpu_that_is_not_there_is_one_line(no_gpu: None) -> None:
    with pytest.raises(UserError, match="CONFIG_DEVICE_CUDA=y: no NVIDIA GPU is visible"):
        devices.slots("cuda", 0, 1)


ABSENT = [  # the variable -> the GPUs that are taken, and what is said
    ("0,1", [], "CUDA_VISIBLE_DEVICES=0,1: there is no GPU '0' here; trials run on the CPU"),
    ("1", [], "CUDA_VISIBLE_DEVICES=1: there is no GPU '1' here; trials run on the CPU"),
    (
        "GPU-x",
        [],
        "CUDA_VISIBLE_DEVICES=GPU-x: there is no GPU 'GPU-x' here; trials run on the CPU",
    ),
    ("all", [], "CUDA_VISIBLE_DEVICES=all: there is no GPU 'all' here; trials run on the CPU"),
    ("0, 1,7,2", ["0", "1"], "there is no GPU '7' here; trials run on 2 GPUs"),
    ("0,1", ["0", "1"], ""),
    ("1,0,1", ["1", "0"], ""),
    ("0,-1,1", ["0"], ""),
    ("-1", [], ""),
    ("", [], ""),
    ("NoDevFiles", [], ""),
]


@pytest.mark.parametrize(("value", "gpus", "said"), ABSENT)
def test_a_gpu_that_is_not_there_is_not_believed(
    value: str,
    gpus: list[str],
    said: str,
    there: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    there(*gpus)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    monkeypatch.setattr(devices, "cores", lambda: 3)
    assert devices.slots("auto", 0, 1) == (gpus or ["cpu"] * 3)
    out = capsys.readouterr().out
    assert said in out and out.count("\n") == bool(said)
    if not gpus:
        with pytest.raises(UserError, match="CONFIG_DEVICE_CUDA=y: .*; set CONFIG_DEVICE_AUTO=y"):
            devices.slots("cuda", 0, 1)
    devices.slots("cpu", 0, 1)
    assert capsys.readouterr().out == ""


def test_a_trial_may_take_several_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,GPU-c,3,4")
    assert devices.slots("auto", 0, 1, 2) == ["0,1", "GPU-c,3"]  # one is left over
    assert devices.slots("auto", 3, 1, 2) == ["0,1", "GPU-c,3", "0,1"]
    assert devices.slots("auto", 0, 1, 5) == ["0,1,GPU-c,3,4"]
    assert devices.each("GPU-c,3") == ["GPU-c", "3"]
    assert devices.describe_devices(["0,1", "GPU-c,3", "0,1"]) == "on 4 GPUs"


def test_cores_are_shared_out_by_the_processes_of_a_trial(no_gpu: None) -> None:
    assert devices.slots("cpu", 0, 1, 2) == ["cpu,cpu"] * 4
    assert devices.slots("cpu", 0, 3, 2) == ["cpu,cpu"]
    assert devices.slots("cpu", 1, 1, 8) == [",".join(["cpu"] * 8)]
    assert devices.describe_devices(["cpu,cpu"]) == "on the CPU"


@pytest.mark.parametrize(("gpus", "there"), [("0,1,2", "3, the number of visible GPUs"), ("", "8")])
def test_more_devices_than_there_are_is_one_line(
    no_gpu: None, monkeypatch: pytest.MonkeyPatch, gpus: str, there: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
    with pytest.raises(UserError, match=f"CONFIG_DEVICES_PER_TRIAL=9: must be at most {there}"):
        devices.slots("auto", 0, 1, 9)


def test_the_drivers_list() -> None:
    assert devices.parse_ids(SMI) == ["GPU-aaaa-1", "GPU-bbbb-2"]
    assert devices.parse_ids(MIG) == ["MIG-1111", "MIG-2222"]
    assert devices.parse_ids("No devices were found\n") == []


def test_the_drivers_answer_about_memory() -> None:
    assert devices.parse_free_memory(FREE) == {
        "0": 80000 << 20,
        "GPU-aaaa-1": 80000 << 20,
        "1": 1 << 30,
        "GPU-bbbb-2": 1 << 30,
    }
    assert devices.parse_free_memory("") == {}


@pytest.mark.parametrize(
    ("quota", "limit"), [("max 100000", 10**6), ("150000 100000", 1), ("50000 100000", 1)]
)
def test_a_containers_quota_is_respected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, limit: int
) -> None:
    (tmp_path / "cpu.max").write_text(quota, encoding="utf-8")
    monkeypatch.setattr(devices, "_QUOTA", tmp_path / "cpu.max")
    assert 1 <= devices.cores() <= limit
