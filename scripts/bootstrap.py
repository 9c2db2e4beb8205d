"""Create the environment `.venv` with the packages of a stage. It needs nothing but Python.

Each stage contains the one before it: `plan` (configuration, plans, reports), `train` (adds torch)
and `dev` (adds the checks). `gpu`, `ray` and `samplers` add packages to any of them.
`trackers`, which exports are written with, is an environment of its own inside of `.venv`, because
its packages want other versions. The stamp of a stage, a copy of its
requirements file, is written last. So an install that was interrupted is done again, and changed
requirements are installed. `scripts/bootstrap` runs this in the root of the checkout with any
Python >= 3.11.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

UV = "0.13.8"
STAGES = {  # each contains those before it
    "plan": "configuration, plans and reports, about 300 MB",
    "train": "torch and torchvision, about 5 GB",
    "dev": "linters and tests, about 250 MB beside torch",
}
BESIDE = {
    "gpu": "nvidia-ml-py, 1 MB",
    "ray": "Ray, about 250 MB",
    "samplers": "Optuna and cmaes, about 30 MB",
}
"""What some verbs take beside any stage, in the same environment."""
APART = {"trackers": "TensorBoard, MLflow, Trackio and W&B, about 330 MB"}
"""Stages with an environment of their own, `.venv/<stage>`."""
VENV = Path(".venv")
PYTHON = str(VENV / "bin" / "python")
LOG = Path(".venv.log")
INSTALLING = VENV / "installing"
"""This file exists while packages are being written. A run that starts with it there clears the
environment, because packages may be incomplete; what was downloaded is in uv's cache."""

NO_NETWORK = re.compile(
    r"failed to fetch|error sending request|dns error|connection (error|refused|reset|timed out)"
    r"|network is unreachable|name resolution|from versions: none|max retries|proxy error",
    re.IGNORECASE,
)


class SetupError(Exception):
    """An error whose text is one line for the user."""


class UnreachableError(SetupError):
    """There is no network. Nothing changed: uv writes packages only when it has them all."""


def main(stage: str) -> int:
    """Install `stage` unless its stamp says that it is there; return the exit code."""
    try:
        with _lock() as lock:
            if not _installed(stage):
                _install(stage, lock)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nerror: set-up interrupted; the next make takes it up again", file=sys.stderr)
        return 130
    return 0


@contextlib.contextmanager
def _lock() -> Iterator[int]:
    """Lock the checkout for one set-up at a time.

    Children inherit the descriptor, so the lock outlives a killed parent while the installer that
    it started is still writing.
    """
    descriptor = os.open("requirements", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say("waiting for another make to finish its set-up")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _installed(stage: str) -> bool:
    stamp = _stamp(stage)
    same = stamp.is_file() and stamp.read_bytes() == _requirements(stage).read_bytes()
    return same and not INSTALLING.exists() and _works("-P", "-c", "import espalier")


def _requirements(stage: str) -> Path:
    return Path("requirements", f"{stage}.txt")


def _works(*args: str) -> bool:
    try:
        return (
            subprocess.run([PYTHON, *args], capture_output=True, env=_environment()).returncode == 0
        )
    except OSError:
        return False


def _install(stage: str, lock: int) -> None:
    start = time.monotonic()
    LOG.write_bytes(b"")
    _make_venv(lock)
    _make_uv(lock)
    _say(f"{stage}: {(STAGES | BESIDE | APART)[stage]} (log: {LOG})")
    stamps = _stamps(stage)
    if stage in APART:
        _install_apart(stage, lock)
    else:
        _install_packages(stage, lock)
        _link_library()
    for path, content in stamps.items():
        _write(path, content)
    _say(f"{stage}: ready after {time.monotonic() - start:.0f} s")


def _make_venv(lock: int) -> None:
    again = INSTALLING.exists()
    if not again and _works("-m", "pip", "--version"):
        return
    why = "; the last set-up was interrupted" if again else ", kept inside this checkout"
    _say(f"{VENV}: a new environment for Python {sysconfig.get_python_version()}{why}")
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    _run(command, lock, f"{sys.executable} cannot make a virtual environment")


def _make_uv(lock: int) -> None:
    if _works("-c", f"import importlib.metadata as m; assert m.version('uv') == '{UV}'") and _works(
        "-m", "uv", "--version"
    ):
        return
    _say(f"uv {UV}: the installer, about 20 MB")
    # Forced, because pip believes in a package whose installation was interrupted.
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--force-reinstall"]
    _run([*pip, "--retries", "2", f"uv=={UV}"], lock, "installing uv failed")


def _install_packages(stage: str, lock: int) -> None:
    INSTALLING.touch()
    uv = [PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON]
    try:
        _run([*uv, "-r", str(_requirements(stage))], lock, f"installing stage {stage!r} failed")
    except UnreachableError:
        INSTALLING.unlink()
        raise
    INSTALLING.unlink()


def _install_apart(stage: str, lock: int) -> None:
    """Install a stage in an environment of its own, made anew: what was there may be half of it."""
    place, failure = VENV / stage, f"installing stage {stage!r} failed"
    uv = [PYTHON, "-m", "uv"]
    _run([*uv, "venv", "--clear", "--python", PYTHON, str(place)], lock, failure)
    install = [*uv, "pip", "install", "--python", str(place / "bin" / "python")]
    _run([*install, "-r", str(_requirements(stage))], lock, failure)


def _link_library() -> None:
    """Put lib/ on the environment's path, relative to it, so that a moved checkout still works."""
    for packages in VENV.glob("lib/python*/site-packages"):
        _write(packages / "espalier.pth", os.path.relpath("lib", packages.resolve()).encode())


def _stamps(stage: str) -> dict[Path, bytes]:
    """Return the stamps of `stage` and of the stages it contains, as the requirements are now."""
    contained = list(STAGES)[: list(STAGES).index(stage) + 1] if stage in STAGES else []
    names = contained or [stage]
    return {_stamp(name): _requirements(name).read_bytes() for name in names}


def _stamp(stage: str) -> Path:
    """Return the stamp of a stage, which goes with its environment."""
    return (VENV / stage if stage in APART else VENV) / f"{stage}.txt"


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.draft")
    draft.write_bytes(content)
    draft.replace(path)


def _run(command: list[str], lock: int, failure: str) -> None:
    with LOG.open("ab") as log:
        log.write(f"\n$ {' '.join(command)}\n".encode())
        log.flush()
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(),
            pass_fds=[lock],
        )
    if done.returncode:
        raise _error(failure)


def _environment() -> dict[str, str]:
    """Return the user's environment without what would send packages to another place."""
    added = {"PIP_USER": "0", "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    removed = {"PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "UV_TARGET", "UV_PREFIX"}
    return {k: v for k, v in os.environ.items() if k not in removed} | added


def _error(failure: str) -> SetupError:
    """Return the error of the last command, from its part of the log."""
    output = (
        LOG.read_text(encoding="utf-8", errors="replace").rpartition("\n$ ")[2].splitlines()[1:]
    )
    lines = [line.strip() for line in output if line.strip()] or ["it said nothing"]
    if any(NO_NETWORK.search(line) for line in lines):
        cause = "the package index cannot be reached (network is needed once; then try again)"
        return UnreachableError(f"{failure}: {cause}; full log: {LOG}")
    errors = [line for line in lines if re.search("error|failed|not available", line, re.I)]
    return SetupError(f"{failure}: {(errors or lines)[0]}; full log: {LOG}")


def _say(text: str) -> None:
    """Print a line of progress, unless make is silent (`make -s`)."""
    flags = os.environ.get("MAKEFLAGS", "").split(" ")[0]
    if flags.startswith("-") or "s" not in flags:
        print(f"  SETUP   {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
