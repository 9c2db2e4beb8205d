from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import fake_sweep
import pytest
from fake_sweep import HERE, created, header, request, trial
from running_sweeps import attempts, opened, until

from espalier.run import launch
from espalier.run.opening import sweep_opening
from espalier.store import busy, plan_files
from espalier.store.busy import StoreBusyError, holders
from espalier.store.results_dir import STORE
from espalier.store.store import Store
from espalier.store.unrecorded import FILE

HOLDER = (
    "import sqlite3, sys\n"
    "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    "db.execute('BEGIN IMMEDIATE')\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
)
EXCLUSIVE = HOLDER.replace("BEGIN IMMEDIATE", "PRAGMA locking_mode = EXCLUSIVE").replace(
    "print", "db.execute('BEGIN IMMEDIATE')\nprint"
)


@contextmanager
def held(path: Path, code: str = HOLDER) -> Iterator[int]:
    """Another program has locked the file until the block ends."""
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process.pid
        process.communicate("")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Store.create(tmp_path / STORE, header(), [(trial(1), "", "a")])
    with Store.open(tmp_path / STORE) as store, store.writing():
        store.begin([1], 1, "cpu")
    return tmp_path / STORE


def test_who_waits_too_long_is_told_who_has_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(busy, "QUIET", 0.0)
    with held(path, EXCLUSIVE) as pid:
        assert holders(path) == [pid]
        with pytest.raises(StoreBusyError) as error:
            Store.open(path, readonly=True, patience=0.3)
    name = f"{path}: locked by process {pid} (python"
    assert str(error.value).startswith(name) and "nothing in it is damaged" in str(error.value)
    assert "make sweep-rebuild" not in str(error.value)
    assert capsys.readouterr().err.count(f"note: {name}") == 1


def test_without_a_list_of_locks_nobody_is_accused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(busy, "LOCKS", tmp_path / "none")
    assert busy.locked_by(path) == f"{path}: locked by another program (try: fuser {path})"


def test_a_writer_waits_and_nothing_is_lost(path: Path) -> None:
    with Store.open(path) as store:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        later = threading.Timer(0.3, lambda: other.execute("COMMIT"))
        later.start()
        with store.writing():
            assert store.interrupt_running() == 1
        later.join()
        other.close()


def interrupted(action: Callable[[], object]) -> float:
    """Send SIGINT to this thread while it waits; return how long that took to be heeded."""
    main = threading.main_thread().ident
    assert main is not None
    later = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
    later.start()
    began = time.monotonic()
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            action()
    finally:
        signal.signal(signal.SIGINT, kept)
        later.join()
    return time.monotonic() - began


def test_waiting_can_be_interrupted(path: Path) -> None:
    with held(path, EXCLUSIVE):
        assert interrupted(lambda: Store.open(path, readonly=True)) < 10


def test_a_locked_sweep_of_the_plan_is_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = request(tmp_path, [trial(1)])
    folder = created(wish)
    with Store.open(folder / STORE) as store:
        plan_files.write(folder, store)
    monkeypatch.setattr("espalier.store.sweep_finder.SCANNED", 0.1)
    monkeypatch.setattr("espalier.store.sweep_finder.READER", 0.1)
    with held(folder / STORE, EXCLUSIVE), pytest.raises(Exception, match="locked by process"):
        sweep_opening.existing(wish)
    assert sweep_opening.existing(wish) == folder


def test_what_ends_while_the_store_is_locked_is_not_trained_again(
    tmp_path: Path, spawn: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runner is stopped while another program has the store; the next one records it."""
    ends = tmp_path / "ends"
    trials = [trial(1, SECONDS="0.5", ENDS=str(ends)), trial(2, ENDS=str(ends))]
    command = fake_sweep.command(tmp_path / "results", trials, parallel=1)
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    process = spawn(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    until(lambda: bool(list((tmp_path / "results").glob(f"sweep_*/{STORE}"))))
    until(lambda: len(attempts(tmp_path / "results")) == 1)
    store = opened(tmp_path / "results").path
    with held(store) as pid:
        until(ends.exists)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert f"stopped: {store}: locked by process {pid} (python" in output
    assert (store.parent / FILE).exists()
    assert launch.run(request(tmp_path / "results", trials, parallel=1)) == 0
    assert ends.read_text(encoding="utf-8").split() == ["config_001", "config_002"]
    assert [(item.trial, item.status) for item in attempts(tmp_path / "results")] == [
        (1, "passed"),
        (2, "passed"),
    ]
    assert not (store.parent / FILE).exists()
