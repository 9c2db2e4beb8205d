"""The trace of a GPU, by a driver that is made up."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import packing
import pytest
import torch

from espalier.core.errors import UserError
from espalier.train.engine import gpu_trace
from espalier.train.engine.gpu_trace import MEBI, GpuTrace, GpuTracing
from espalier.train.loop import Loop


class NVMLError(Exception):
    """What a driver raises."""


class FakeDriver:
    """A device that takes 10 J between any two questions, at 50, 60, 70 ... watts."""

    NVMLError = NVMLError

    def __init__(self, *lacking: str) -> None:
        self.lacking, self.millijoules, self.milliwatts = lacking, 0, 40_000

    def nvmlInit(self) -> None:  # noqa: N802  # as the driver has it
        self._refuse("nvmlInit")

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        self._refuse("uuid")
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        self._refuse("energy")
        self.millijoules += 10_000
        return self.millijoules

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:  # noqa: N802
        self._refuse("power")
        self.milliwatts += 10_000
        return self.milliwatts

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:  # noqa: N802
        self._refuse("memory")
        return SimpleNamespace(used=3 * MEBI)

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:  # noqa: N802
        self._refuse("use")
        return SimpleNamespace(gpu=80)

    def _refuse(self, what: str) -> None:
        if what in self.lacking:
            raise NVMLError("Not Supported")


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reading but those that a test asks for."""
    monkeypatch.setattr(gpu_trace, "EVERY", 1e6)


def trace(driver: FakeDriver, *times: float) -> GpuTrace:
    return GpuTrace(driver, "GPU-1", iter(times).__next__)


def test_a_trace_has_means_the_peak_and_the_energy_since_the_last_call() -> None:
    with trace(FakeDriver(), 0.0, 1.0) as watched:
        assert watched.take() == {
            "gpu_use": 80.0,
            "gpu_power": 60.0,  # the first reading is of the beginning
            "gpu_memory": 3.0,
            "gpu_energy": 10.0,
        }


def test_without_a_counter_energy_is_power_by_time() -> None:
    with trace(FakeDriver("energy"), 0.0, 2.0) as watched:
        assert watched.take()["gpu_energy"] == 60.0 * 2.0


def test_what_a_driver_does_not_tell_is_left_out() -> None:
    with trace(FakeDriver("energy", "power", "use"), 0.0, 2.0) as watched:
        assert watched.take() == {"gpu_memory": 3.0}


def test_a_pack_shares_the_energy_and_nothing_else() -> None:
    measures = {"gpu_energy": 12.0, "gpu_power": 60.0}
    assert gpu_trace.shared(measures, 4) == {"gpu_energy": 3.0, "gpu_power": 60.0}
    assert gpu_trace.shared({}, 4) == {}


def test_a_trial_has_sums_peaks_and_means_over_time() -> None:
    rows = [
        {"seconds": 1.0, "gpu_use": 10.0, "gpu_power": 50.0, "gpu_memory": 3.0, "gpu_energy": 1.0},
        {"seconds": 3.0, "gpu_use": 50.0, "gpu_power": 70.0, "gpu_memory": 2.0, "gpu_energy": 2.0},
        {"seconds": 9.0},  # resumed without a trace
    ]
    assert gpu_trace.final_measures(rows) == {
        "gpu_use": 40.0,
        "gpu_power": 65.0,
        "gpu_memory": 3.0,
        "gpu_energy": 3.0,
    }
    assert gpu_trace.final_measures([{"seconds": 9.0}]) == {}


@pytest.mark.parametrize("trials", [1, 2])
def test_every_epoch_has_the_trace_and_the_numbers_are_as_without(trials: int) -> None:
    values = packing.varied({"OPTIMIZER": "adamw", "PRUNING_METHOD": "none"}, 0)
    data = packing.split(4)
    plain, traced = (
        [packing.trainer(values, packing.mlp, data) for _ in range(trials)] for _ in range(2)
    )
    expected = [outcome for _, outcome in Loop(plain).epochs()]
    with trace(FakeDriver(), *map(float, range(1000))) as watched:
        outcomes = [outcome for _, outcome in Loop(traced, watched).epochs()]
    assert all(outcome["gpu_energy"] == 10.0 / trials for outcome in outcomes)
    same = [k for k in expected[0] if k != "seconds"]
    assert [[o[k] for k in same] for o in outcomes] == [[o[k] for k in same] for o in expected]


def test_nothing_is_opened_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    for enabled in (False, None):
        GpuTracing(enabled).check(torch.device("cpu"))
        with GpuTracing(enabled).follow(torch.device("cuda")) as watched:
            assert watched is None


@pytest.mark.parametrize(
    ("driver", "device", "said"),
    [
        (FakeDriver(), "cpu", "trains on the CPU"),
        (None, "cuda", "needs nvidia-ml-py"),
        (FakeDriver("nvmlInit"), "cuda", "does not answer"),
        (FakeDriver("uuid"), "cuda", "has no GPU 1a2b"),
    ],
)
def test_what_is_missing_is_said_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, driver: FakeDriver | None, device: str, said: str
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid="1a2b-3c")
    )
    with pytest.raises(UserError, match=said) as raised:
        GpuTracing(True).check(torch.device(device))
    assert "\n" not in str(raised.value)


def test_a_device_is_found_by_its_uuid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeDriver())
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid="1a2b-3c")
    )
    with GpuTracing(True).follow(torch.device("cuda")) as watched:
        assert watched is not None and watched.handle == "GPU-1a2b-3c"
