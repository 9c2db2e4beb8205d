"""A sweep on a real cluster of this machine: one node, started and ended by the sweep."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_sweep import HERE

from espalier.core.trial import Status
from espalier.store.results_dir import STORE, sweeps
from espalier.store.store import Store

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="no ray: make setup-ray installs it"
)
DRIVER = """
import sys
from pathlib import Path
from fake_sweep import launch, request, trial
from espalier.run.executor_choice import Placement

acts = {2: "actor", 3: "crash"}
trials = [trial(n, acts.get(n, "pass"), ONCE=sys.argv[2]) for n in range(1, 6)]
where = Placement("ray", "", 1.0)
sys.exit(launch.run(request(Path(sys.argv[1]), trials, entry="lost_entry:train", placement=where)))
"""
ENTRY = """
import os, signal
from pathlib import Path
from fake_entry import ACTS, passing, warm

def train(task, emit):
    emit({"epoch": 1, "epochs": 1, "val_acc": 10.0})
    (task.directory / "left.txt").write_text(task.trial.name)
    once = Path(task.trial.config["ONCE"])
    if task.trial.config["ACT"] == "actor" and not once.exists():
        once.touch()
        os.kill(parent(os.getppid()), signal.SIGKILL)  # the actor's process, and so the worker
        signal.pause()
    return ACTS.get(task.trial.config["ACT"], passing)(task)

def parent(process):
    '''The process of Ray above a worker, which may have a fork server between them.'''
    name = Path(f"/proc/{process}/cmdline").read_text()
    if "ray::" in name:
        return process
    return parent(int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are found in /proc")
def test_trials_run_on_a_cluster_and_a_lost_actor_costs_no_attempt(tmp_path: Path) -> None:
    code, scratch = tmp_path / "code", tmp_path / "t"
    for folder in (code, scratch):
        folder.mkdir()
    (code / "lost_entry.py").write_text(ENTRY, encoding="utf-8")
    (code / "fake_entry.py").write_bytes((HERE / "fake_entry.py").read_bytes())
    env = {**os.environ, "PYTHONPATH": f"{code}:{HERE}", "TMPDIR": str(scratch)}
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "r"), str(tmp_path / "once")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stdout + done.stderr  # one crashes
    assert "its ports are on 127.0.0.1, behind a token" in done.stdout
    assert done.stderr == ""
    (folder,) = sweeps(tmp_path / "r")
    with Store.open(folder / STORE, readonly=True) as store:
        attempts = store.attempts()
        assert set(store.states().values()) == {Status.PASSED, Status.ERROR}
    reasons = [(each.trial, each.reason) for each in attempts if each.reason]
    assert sorted(reasons) == [(2, "interrupted"), (3, "crash"), (3, "crash")]
    texts = {path.read_text(encoding="utf-8") for path in folder.glob("*/left.txt")}
    assert texts == {f"config_{n:03}" for n in range(1, 6)}
    assert "broken" in next(folder.glob("config_003*/output.log")).read_text(encoding="utf-8")
