"""What the runner says of a probe whose worker doubts what it measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_sweep import trial

from espalier.core.trial import Result, Status
from espalier.run.packing.pack_probe import PackProbes
from espalier.run.packing.pack_queue import PackSize
from espalier.run.pool import InProcess
from espalier.run.workers.worker_process import Finished


def test_a_size_that_was_measured_on_a_busy_machine_is_used_and_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probes = PackProbes(InProcess("fake_entry:train"), {}, tmp_path)
    sizes = []
    for doubt in ("", "it had a processor for 20 % of the time", "another reason"):
        task = probes.start(0, [trial(1, "pass")])
        measures = {"pack": 4, "why": "", "doubt": doubt}
        probes.receive(Finished(0, task.trial.number, Result(Status.PASSED, measures=measures)))
        sizes += [size for _, size in probes.finished()]
    assert sizes == [PackSize(4)] * 3
    assert capsys.readouterr().out == (
        "note: how many trials train as one program was measured on a busy machine (it had a "
        "processor for 20 % of the time): that holds for this sweep only\n"
    )
