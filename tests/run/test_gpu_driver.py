"""What the driver says of GPUs, with stand-ins for its programs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.run import devices, gpu_driver

SMI = """\
GPU 0: NVIDIA H200 (UUID: GPU-aaaa-1)
GPU 1: NVIDIA H200 (UUID: GPU-abbb-2)
  MIG 1g.5gb Device 0: (UUID: MIG-1111)
  MIG 1g.5gb Device 1: (UUID: MIG-1122)
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a shell script in the place of nvidia-smi."""

    def put(text: str) -> None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tmp_path / "nvidia-smi").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return put


@pytest.mark.parametrize("name", ["0", "1", "01", "GPU-aaaa-1", "GPU-ab", "MIG-1111", "MIG-112"])
def test_names_of_gpus_and_slices_that_are_there(name: str, program: Callable[[str], None]) -> None:
    program(f"cat <<E\n{SMI}E")
    older = "MIG-GPU-aaaa-1/1/0"  # as older drivers name a slice
    assert gpu_driver.existing([name, older, "2", "0"]) == [name, older]


@pytest.mark.parametrize(
    "name", ["2", "7", "9" * 5000, "10000000000", "GPU-cccc", "GPU-a", "MIG-11", "MIG-GPU-b/1/0"]
)
def test_names_that_are_not_there_or_not_of_one_alone(
    name: str, program: Callable[[str], None]
) -> None:
    program(f"cat <<E\n{SMI}E")
    assert gpu_driver.existing([name, "0"]) == []


@pytest.fixture
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_driver.shutil, "which", lambda name: None)


def test_without_its_program_the_library_is_asked_and_without_both_there_is_none(
    no_program: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        gpu_driver, "_COUNT", "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"
    )
    assert gpu_driver.count("3") == 3 and gpu_driver.existing(["2", "1", "0", "3"]) == ["2", "1"]
    monkeypatch.setattr(gpu_driver, "_COUNT", "raise SystemExit(9)")
    assert gpu_driver.count() == 0


def test_the_library_s_count_numbers_the_gpus(
    no_program: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpu_driver, "_COUNT", "print(2)")
    assert devices.visible_gpus() == ["0", "1"]


def test_the_real_question_has_an_answer(no_program: None) -> None:
    assert gpu_driver.count("") == 0  # none is visible, on any machine
    assert gpu_driver.count("99") == 0


def test_a_driver_that_does_not_answer_is_one_line(
    program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    program("exec sleep 20")
    monkeypatch.setattr(gpu_driver, "PATIENCE", 0.05)
    with pytest.raises(UserError, match="nvidia-smi: no answer of the GPU's driver") as caught:
        gpu_driver.existing(["0"])
    assert os.linesep not in str(caught.value)
