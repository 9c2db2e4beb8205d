"""The recipes of docs/cluster.md run, on machines that namespaces imitate; nightly, as root."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import machines
import page_commands
import pytest
from machines import Machine

from espalier.core.paths import ROOT
from espalier.store.results_dir import STORE
from espalier.store.store import Store

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(bool(machines.why_not()), reason="no namespaces can be made here"),
]
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
(BATCH,) = re.findall(r"^`sweep.sbatch`:\n\n```bash\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SSH = [b.commands for b in page_commands.blocks(PAGE) if "second" in b.commands]
RANGE = 'CONFIG_MODEL="mlp"\nCONFIG_MLP_WIDTH=4\nCONFIG_PRUNING_METHOD="none"\n'
RANGE += "CONFIG_NUM_EPOCHS=1\nCONFIG_TRAIN_SUBSET=200\nCONFIG_SEED=1:1:8\n"
OWN_TOKEN = {"RAY_AUTH_MODE": "", "RAY_AUTH_TOKEN": ""}  # that of a file, as the page says
PROGRAM = '#!/bin/sh\nexec {python} -m ray.scripts.scripts "$@"\n'
REMOTE = """#!/bin/sh
printf '%s\\n' {name} "$PWD" "$@" > {box}/draft.$$ || exit 255
mv {box}/draft.$$ {box}/asked.$$
while [ ! -e {box}/done.$$ ]; do sleep 0.1; done
exit "$(cat {box}/done.$$)"
"""
"""Stands for ssh and scp: what is asked for is done where both machines can be reached."""


def checkout(folder: Path) -> Path:
    """A copy of the checkout, with Ray in its environment and a small range file."""
    place = page_commands.copy_checkout(folder / "checkout")
    program(place / ".venv" / "bin" / "ray", PROGRAM.format(python=sys.executable))
    (place / "small-range").write_text(RANGE, encoding="utf-8")
    return place


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def trained_on(place: Path) -> list[str]:
    """Return where each trial of the only sweep of a checkout was trained."""
    (path,) = place.glob(f"test_matrix_results/*/{STORE}")
    with Store.open(path, readonly=True) as store:
        assert len(store.final_results()) == 8
        return [attempt.device or "" for attempt in store.attempts()]


def test_the_batch_file_runs_a_sweep_on_a_node(tmp_path: Path) -> None:
    with machines.machines(tmp_path, [[]]) as (node,):
        place = checkout(tmp_path)
        (place / "sweep.sbatch").write_text(BATCH, encoding="utf-8")
        bin_ = node.folder / "bin"
        program(bin_ / "scontrol", "#!/bin/sh\necho machine0\n")
        skip = 'while [ "${1#-}" != "$1" ]; do [ "$1" = -w ] && shift; shift; done'
        program(bin_ / "srun", f'#!/bin/sh\n{skip}\nexec "$@"\n')
        program(bin_ / "hostname", f"#!/bin/sh\necho {node.address}\n")
        given = {"SLURM_JOB_NODELIST": "machine0", "SLURM_JOB_NUM_NODES": "1"}
        given |= {"SLURM_CPUS_PER_TASK": "1", "RANGE_CONFIG": "small-range"}
        given["PATH"] = f"{bin_}:{node.environ['PATH']}"
        assert node.run("ip", "addr", "add", f"{node.address}/24", "dev", "lo")[0] == 0
        code, said = node.run("bash", "sweep.sbatch", cwd=place, **given)
        assert code == 0, said
        assert "behind a token" in said and node.run("pgrep", "raylet")[0] == 1
    assert set(trained_on(place)) == {f"cpu@{node.address}"}


def test_two_machines_over_ssh_share_a_sweep(tmp_path: Path) -> None:
    place = checkout(tmp_path)
    with machines.machines(tmp_path, [[], [ROOT, place]]) as (first, second):
        program(second.folder / "home/espalier-node/bin/pip", "#!/bin/sh\n")  # it is there already
        program(second.folder / "home/espalier-node/bin/ray", PROGRAM.format(python=second.python))
        program(second.folder / "bin/python3", "#!/bin/sh\n")  # the environment too
        with remote(first, second):
            commands = adapted("".join(SSH), first)
            code, said = first.run("bash", "-e", "-c", commands, cwd=place, **OWN_TOKEN)
            assert code == 0 and "behind a token" in said, said
        assert first.run("pgrep", "raylet")[0] == second.run("pgrep", "raylet")[0] == 1
    assert {*trained_on(place)} == {f"cpu@{first.address}", f"cpu@{second.address}"}


def adapted(block: str, first: Machine) -> str:
    """Return commands of the page with addresses for names, one core a machine, a small sweep."""
    block = block.replace("first:6379", f"{first.address}:6379 --num-cpus=1")
    block = block.replace("--head", f"--head --num-cpus=1 --node-ip-address={first.address}")
    return re.sub(r"RANGE_CONFIG=\S+", "RANGE_CONFIG=small-range PACK=1", block)


@contextmanager
def remote(first: Machine, second: Machine) -> Iterator[None]:
    """Give the first machine an ssh and an scp that reach the second."""
    box, over = first.folder / "tmp" / "box", threading.Event()
    box.mkdir()
    for name in ("ssh", "scp"):
        program(first.folder / "env" / "bin" / name, REMOTE.format(box=box, name=name))
    served = threading.Thread(target=serve, args=(second, box, over))
    served.start()
    try:
        yield
    finally:
        over.set()
        served.join()


def serve(second: Machine, box: Path, over: threading.Event) -> None:
    """Do what is asked for, until it is over."""
    while not over.wait(0.05):
        for order in box.glob("asked.*"):
            name, folder, *words = order.read_text(encoding="utf-8").splitlines()
            order.unlink()
            code = copied(Path(folder), second, words) if name == "scp" else done(second, words)
            (box / "draft").write_text(f"{code}\n", encoding="utf-8")
            (box / "draft").rename(box / f"done{order.suffix}")


def done(second: Machine, words: list[str]) -> int:
    """Run what stands behind the name of the machine, at its home."""
    home = second.folder / "home"
    given = {**OWN_TOKEN, "PATH": f"{second.folder / 'bin'}:{second.environ['PATH']}"}
    return second.run("sh", "-c", " ".join(words[1:]), cwd=home, **given)[0]


def copied(folder: Path, second: Machine, words: list[str]) -> int:
    """Copy files, named as in a folder of the first machine, to the home of the second."""
    *sources, target = words
    place = second.folder / "home" / target.partition(":")[2]
    for source in sources:
        path = folder / source
        (place / path.name if place.is_dir() else place).write_bytes(path.read_bytes())
    return 0
