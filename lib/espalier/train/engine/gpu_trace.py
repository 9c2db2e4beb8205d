"""What a GPU does while trials train on it: its use, its memory, its power and its energy.

Read from the driver through nvidia-ml-py, by a thread that reads a few times a second. The numbers
are the whole device's: where several workers share it, each sees what all of them do.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from espalier.core.component import symbol
from espalier.core.errors import UserError
from espalier.core.texts.program_name import how_to_install
from espalier.core.trial import Record
from espalier.kconfig.config_dataclass import kconfig_dataclass

EVERY = 0.2  # seconds between readings
MEBI = 2**20
ENERGY = "gpu_energy"
"""Joules of a trial: its share of what the device took."""
MEANS = ("gpu_use", "gpu_power")
"""Percent of the time in which a kernel ran, and watts."""
PEAK = "gpu_memory"
"""MiB in use on the device, at most."""


@kconfig_dataclass
class GpuTracing:
    """Whether trials record what their GPU does; None stands for no."""

    enabled: bool | None = symbol("GPU_TRACE")

    def check(self, device: torch.device) -> None:
        """Raise UserError without a GPU or without its driver."""
        if self.enabled:
            _require_gpu(device)
            _handle(_open_driver(), device)

    @contextlib.contextmanager
    def follow(self, device: torch.device) -> Iterator[GpuTrace | None]:
        """Yield the trace of a device while trials train on it; None if none is to be kept."""
        if not self.enabled:
            yield None
            return
        driver = _open_driver()
        with GpuTrace(driver, _handle(driver, device)) as trace:
            yield trace


def _require_gpu(device: torch.device) -> None:
    if device.type != "cuda":
        raise UserError(
            "CONFIG_GPU_TRACE=y: this trial trains on the CPU, of which there is nothing to trace; "
            "set CONFIG_GPU_TRACE=n"
        )


def _open_driver() -> Any:
    """Return the module of nvidia-ml-py, in touch with the driver. Raises UserError."""
    try:
        driver: Any = importlib.import_module("pynvml")
    except ImportError:
        how = how_to_install("gpu")
        raise UserError(f"CONFIG_GPU_TRACE=y: needs nvidia-ml-py; {how}") from None
    try:
        driver.nvmlInit()
    except driver.NVMLError as error:
        raise UserError(
            f"CONFIG_GPU_TRACE=y: the GPU's driver does not answer ({error}); "
            "set CONFIG_GPU_TRACE=n"
        ) from None
    return driver


def _handle(driver: Any, device: torch.device) -> Any:
    """Return what the driver calls the device that torch calls `device`. Raises UserError."""
    uuid = f"{torch.cuda.get_device_properties(device).uuid}"
    try:
        return driver.nvmlDeviceGetHandleByUUID(uuid if "-" in uuid[:4] else f"GPU-{uuid}")
    except driver.NVMLError as error:
        raise UserError(
            f"CONFIG_GPU_TRACE=y: the driver has no GPU {uuid} ({error}); set CONFIG_GPU_TRACE=n"
        ) from None


class Reading(NamedTuple):
    """A device at a time: percent, MiB, watts; None for what its driver does not tell."""

    use: float | None
    memory: float | None
    power: float | None


@dataclass
class GpuTrace:
    """Readings of a device, taken while the trace is open; `driver` is the module pynvml."""

    driver: Any
    handle: Any
    clock: Callable[[], float] = time.perf_counter
    _readings: list[Reading] = field(default_factory=list)
    _since: tuple[float, float | None] = (0.0, None)  # the clock and the energy counter

    def __enter__(self) -> GpuTrace:
        """Begin to read."""
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.take()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread."""
        self._enough.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._enough.wait(EVERY):
            self._readings.append(self._read())

    def take(self) -> Record:
        """Return the measures of the device since the last call; what is unknown is left out."""
        readings = [*self._readings, self._read()]
        before, self._since = self._since, (self.clock(), self._millijoules())
        self._readings.clear()
        use, memory, power = (_numbers(column) for column in zip(*readings, strict=True))
        energy = _energy(before, self._since, power)
        measures = {
            MEANS[0]: sum(use) / len(use) if use else None,
            MEANS[1]: sum(power) / len(power) if power else None,
            PEAK: max(memory, default=None),
            ENERGY: energy,
        }
        return {name: value for name, value in measures.items() if value is not None}

    def _read(self) -> Reading:
        driver = self.driver
        memory = self._ask(driver.nvmlDeviceGetMemoryInfo)
        power = self._ask(driver.nvmlDeviceGetPowerUsage)
        use = self._ask(driver.nvmlDeviceGetUtilizationRates)
        return Reading(
            None if use is None else float(use.gpu),
            None if memory is None else memory.used / MEBI,
            None if power is None else power / 1000,
        )

    def _millijoules(self) -> float | None:
        """Return what the device has taken since its driver was loaded."""
        counter = self._ask(self.driver.nvmlDeviceGetTotalEnergyConsumption)
        return None if counter is None else float(counter)

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        """Return the answer; None from a device that does not have it, as a slice of a GPU."""
        try:
            return question(self.handle)
        except self.driver.NVMLError:
            return None


def _numbers(column: Sequence[float | None]) -> list[float]:
    return [value for value in column if value is not None]


def _energy(
    before: tuple[float, float | None], after: tuple[float, float | None], power: Sequence[float]
) -> float | None:
    """Return joules between two times: by the device's counter, else by its mean power."""
    if before[1] is not None and after[1] is not None:
        return (after[1] - before[1]) / 1000
    return sum(power) / len(power) * (after[0] - before[0]) if power else None


def shared(measures: Record, trials: int) -> Record:
    """Return the measures for one of `trials` that trained together: it took its share of energy.

    Use, memory and power stay the device's.
    """
    own = {ENERGY: measures[ENERGY] / trials} if ENERGY in measures else {}
    return {**measures, **own}


def final_measures(history: Sequence[Record]) -> Record:
    """Return the measures of a whole trial from those of its epochs: empty if none were traced."""
    made: Record = {}
    for name in (*MEANS, PEAK, ENERGY):
        rows = [(float(r[name]), float(r["seconds"])) for r in history if name in r]
        if rows:
            made[name] = _OVER_EPOCHS.get(name, _mean)(rows)
    return made


def _mean(rows: Sequence[tuple[float, float]]) -> float:
    """Return the mean over time of values, each with the seconds that it is of."""
    seconds = sum(second for _, second in rows)
    return sum(value * second for value, second in rows) / seconds if seconds else rows[0][0]


_OVER_EPOCHS: dict[str, Callable[[Sequence[tuple[float, float]]], float]] = {
    PEAK: lambda rows: max(value for value, _ in rows),
    ENERGY: lambda rows: sum(value for value, _ in rows),
}
