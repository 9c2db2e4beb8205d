"""Machines imitated on one: a network, processes, a home and a temporary folder of their own.

Linux namespaces make them, which takes root. What a machine is not to see, such as the checkout,
is hidden from it. All its processes end with it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))
TEMPORARY = "/var/tmp"
"""Where each machine has its own temporary folder: the paths of sockets must be short."""
REAPER = "while :; do sleep 0.2; done"
"""What the first process of a machine does: bash takes in those whose parent has ended."""
TOKEN = "0123456789abcdef" * 4
"""Of the clusters that are made here, which no other machine can reach."""


@dataclass(frozen=True)
class Machine:
    """A machine by its address; `init` is the process that it lives by."""

    address: str
    folder: Path
    init: subprocess.Popen[bytes]
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """An interpreter with the packages, and without the library."""
        return self.folder / "env" / "bin" / "python"

    def start(
        self, *command: object, cwd: Path | None = None, **environ: str
    ) -> subprocess.Popen[str]:
        """Start a command there; its output is one pipe."""
        enter = ["nsenter", "-t", str(self.inner), "-m", "-p", "-n", "-u", "--"]
        inner = f"cd {shlex.quote(str(cwd or self.folder))} && exec {shlex.join(map(str, command))}"
        return subprocess.Popen(
            [*enter, "sh", "-c", inner],
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def run(self, *command: object, cwd: Path | None = None, **environ: str) -> tuple[int, str]:
        """Run a command there to its end; return its exit code and its output."""
        process = self.start(*command, cwd=cwd, **environ)
        said, _ = process.communicate()
        return process.returncode, said

    @property
    def inner(self) -> int:
        """Return the id of the machine's first process, a child of what started it."""
        children = Path(f"/proc/{self.init.pid}/task/{self.init.pid}/children")
        return int(children.read_text(encoding="utf-8").split()[0])


def why_not() -> str:
    """Return why no machines can be made here; empty if they can."""
    tried = subprocess.run(
        [
            "unshare",
            "-m",
            "-p",
            "-n",
            "-u",
            "--fork",
            "ip",
            "link",
            "add",
            "name",
            "test",
            "type",
            "veth",
        ],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return "" if tried.returncode == 0 else f"no namespaces here: {tried.stderr.strip()}"


@contextmanager
def machines(place: Path, hidden: Sequence[Sequence[Path]]) -> Iterator[list[Machine]]:
    """Yield a machine for each list of folders that it is not to see, on one network."""
    folders = [_furnish(place / f"machine{number}") for number in range(len(hidden))]
    made: list[Machine] = []
    try:
        for number, folder in enumerate(folders):
            others = [*hidden[number], *(other for other in folders if other != folder)]
            made.append(_boot(folder, number, others))
        _connect(made)
        yield made
    finally:
        for machine in made:
            machine.init.kill()
            machine.init.wait()


def _furnish(folder: Path) -> Path:
    """Make the folder of a machine, with an environment that has the packages; return it."""
    for name in ("home", "tmp", "site", "empty"):
        (folder / name).mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    (packages,) = folder.glob("env/lib/python*/site-packages")
    (packages / "machine.pth").write_text(f"{folder / 'site'}\n", encoding="utf-8")
    return folder


def _boot(folder: Path, number: int, hidden: Sequence[Path]) -> Machine:
    """Start the machine of a folder, from which it does not see those that are hidden."""
    steps = [f"hostname machine{number}", f"mount --bind {SITE} {folder}/site"]
    steps += [f"mount --bind {folder}/tmp {TEMPORARY}"]
    steps += [f"mount --bind {folder}/empty {path}" for path in hidden]
    steps += ["ip link set lo up", "echo ready", f"exec bash -c {shlex.quote(REAPER)}"]
    names = ("-m", "-p", "-n", "-u", "--fork", "--mount-proc", "--kill-child")
    init = subprocess.Popen(
        ["unshare", *names, "sh", "-c", " && ".join(steps)], stdout=subprocess.PIPE
    )
    assert init.stdout is not None
    if init.stdout.readline() != b"ready\n":
        sys.exit(f"machine {number} could not be made")
    return Machine(f"10.77.0.{number + 1}", folder, init, _environ(folder))


def _environ(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{folder}/env/bin:{os.environ['PATH']}",
        "HOME": str(folder / "home"),
        "TMPDIR": TEMPORARY,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
    }


def _connect(made: Sequence[Machine]) -> None:
    """Lay a cable from the first machine, where a bridge joins them, to each of the others."""
    first = made[0]
    steps = ["link add bridge type bridge", f"addr add {first.address}/24 dev bridge"]
    _ip(first, *steps, "link set bridge up")
    for number, other in enumerate(made[1:], 1):
        cable = f"link add veth{number} type veth peer name eth0 netns {other.inner}"
        _ip(first, cable, f"link set veth{number} master bridge", f"link set veth{number} up")
        _ip(other, f"addr add {other.address}/24 dev eth0", "link set eth0 up")


def _ip(machine: Machine, *commands: str) -> None:
    """Set up the network of a machine."""
    for command in commands:
        enter = ["nsenter", "-t", str(machine.inner), "-n", "ip", *command.split()]
        subprocess.run(enter, check=True)
