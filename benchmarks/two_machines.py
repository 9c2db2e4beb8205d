"""A sweep over two machines, of which one has neither the checkout nor the data; same numbers?

    .venv/bin/python benchmarks/two_machines.py [--trials 16]

The machines are namespaces of this one (see machines.py), each with a network address, processes,
a home and a temporary folder of its own. The second has the packages alone. The sweep reads an
archive of arrays that lies on the first, and keeps snapshots and models. Exits 1 if a number
differs from that of the same sweep in a pool, a file has not come back, or a machine is idle.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import machines
import measuring
import numpy as np
import sweeping
import torch
from machines import Machine
from measuring import Figure

from espalier.core.paths import ROOT

PORT = 6379
RANGE = """\
CONFIG_MODEL="mlp"
CONFIG_MLP_WIDTH=16
CONFIG_DATASET="npz"
CONFIG_NPZ_FILE="arrays.npz"
CONFIG_DATA_DIR="{data}"
CONFIG_PRUNING_METHOD="none"
CONFIG_NUM_EPOCHS=4
CONFIG_SNAPSHOT_EVERY=2
CONFIG_SAVE_MODEL=y
CONFIG_LEARNING_RATE=0.01|0.02
CONFIG_SEED=1:1:{seeds}
"""


def main() -> int:
    parser = measuring.parser(__doc__)
    parser.add_argument("--trials", type=int, default=16, help="(default: %(default)s)")
    args = parser.parse_args()
    if why := machines.why_not():
        print(f"NOT MEASURED: {why}")
        return 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        pool, cluster = place / "pool", place / "cluster"
        plan(place, args.trials, [pool, cluster])
        hidden = [[], [ROOT, place / "data", place / "pool", place / "cluster"]]
        with machines.machines(place, hidden) as (first, second):
            figures = sweep_over(first, second, cluster)
        sweeping.start(pool, {"PACK": 1, "PARALLEL": 2}, capture=True).communicate()
        figures += compared(pool, cluster, args.trials)
    return measuring.tell(args, figures)


def plan(place: Path, trials: int, folders: list[Path]) -> None:
    """Write the data, and plan the same sweep in each of the folders."""
    (place / "data").mkdir()
    draw = np.random.default_rng(1)
    y = np.arange(600) % 3
    x = (draw.normal(size=(600, 20)) + y[:, None]).astype(np.float32)
    np.savez(place / "data" / "arrays.npz", x=x, y=y)
    text = RANGE.format(data=place / "data", seeds=trials // 2)
    (place / "own-range").write_text(text, encoding="utf-8")
    for folder in folders:
        folder.mkdir()
        sweeping.plan(folder, place / "own-range")


def sweep_over(first: Machine, second: Machine, place: Path) -> list[Figure]:
    """Start Ray on both machines and run the planned sweep from the first."""
    code, said = second.run(second.python, "-c", "import espalier")
    lacks = "No module named 'espalier'" in said and code == 1
    listed = second.run("ls", "-A", ROOT, place.parent / "data")[1].split()
    seen = [name for name in listed if not name.endswith(":")]
    start_ray(first, sys.executable, "--head", f"--port={PORT}", "--include-dashboard=false")
    start_ray(second, second.python, f"--address={first.address}:{PORT}")
    folders = ("--config-dir", place / sweeping.CONFIGS, "--output-dir", place / sweeping.RESULTS)
    given = {"EXECUTOR": "ray", "RAY_ADDRESS": f"{first.address}:{PORT}", "PACK": "1"}
    command = (sys.executable, "-P", "-m", "espalier", "sweep-run", *folders)
    code, said = first.run(*command, cwd=ROOT, **given)
    measuring.say(said)
    return [
        Figure("exit code of the sweep", [code], "", "<= 0"),
        Figure("files of the checkout and its data on the second machine", [len(seen)], "", "<= 0"),
        Figure("libraries of ours on the second machine", [not lacks], "", "<= 0"),
    ]


def start_ray(machine: Machine, python: object, *options: str) -> None:
    """Start a node of a cluster on a machine; end the program if that fails."""
    node = (f"--node-ip-address={machine.address}", "--num-cpus=1", "--disable-usage-stats")
    command = (python, "-m", "ray.scripts.scripts", "start", *options, *node)
    code, said = machine.run(*command, f"--temp-dir={machines.TEMPORARY}/ray")
    if code:
        sys.exit(said)


def compared(pool: Path, cluster: Path, trials: int) -> list[Figure]:
    """What the sweep over two machines came to, beside the same in a pool."""
    ours, theirs = sweeping.outcomes(pool), sweeping.outcomes(cluster)
    apart = sum(ours.get(name) != theirs.get(name) for name in {*ours, *theirs})
    by_machine = Counter(attempt.device for attempt in sweeping.attempts(cluster))
    files, others = names(pool), names(cluster)
    figures = [
        Figure(f"trials on {device}", [count], "", ">= 1")
        for device, count in sorted(by_machine.items())
    ]
    return [
        *figures,
        Figure("machines that trained", [len(by_machine)], "", ">= 2"),
        Figure("trials that passed", [len(theirs)], "", f">= {trials}"),
        Figure("trials whose numbers differ", [apart], "", "<= 0"),
        Figure("files of trials", [len(others)], ""),
        Figure("files that one sweep has and the other lacks", [len(files ^ others)], "", "<= 0"),
        Figure("models whose weights differ", [differing(pool, cluster)], "", "<= 0"),
    ]


def names(place: Path) -> set[str]:
    """The files of all trials, by their paths in the results."""
    top = place / sweeping.RESULTS
    return {path.relative_to(top).as_posix() for path in top.glob("config_*/**/*")}


def differing(pool: Path, cluster: Path) -> int:
    """How many of the saved models do not have the same weights, bit by bit."""
    ours, theirs = (
        sorted((place / sweeping.RESULTS).rglob("model.pt")) for place in (pool, cluster)
    )
    return sum(weights(one) != weights(other) for one, other in zip(ours, theirs, strict=True))


def weights(path: Path) -> dict[str, bytes]:
    """The bytes of each tensor of a saved model."""
    state = torch.load(path, weights_only=True)["state"]
    return {name: tensor.numpy().tobytes() for name, tensor in state.items()}


if __name__ == "__main__":
    sys.exit(main())
