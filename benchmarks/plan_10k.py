"""10,000 distinct effective configurations of the real tree, files included.

Run: `python benchmarks/plan_10k.py`

Each repetition is a fresh process, the same as `make sweep-generate`, writing into an empty
folder; the phases are timed inside one more. No torch is imported, which is checked.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measuring
from measuring import Figure

RANGES = """CONFIG_OPTIMIZER=adamw|sgd
CONFIG_PRUNING_METHOD=none|magnitude
CONFIG_LEARNING_RATE=0.001:0.001:0.01
CONFIG_BATCH_SIZE=32|64
CONFIG_SEED=1:1:125
"""
TRIALS = 10_000
REPEATS = 5
GOAL = 5  # seconds
PROBE = """
import json, sys, time
from pathlib import Path
start = time.perf_counter()
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import plan, planning
marks = {"import": time.perf_counter()}
symbols = Symbols(tree.parse())
marks["parse"] = time.perf_counter()
made = planning.plan_from_files([Path(sys.argv[1])], symbols=symbols)
marks["expand"] = time.perf_counter()
plan.write_plan(made, Path(sys.argv[2]), symbols)
marks["write"] = time.perf_counter()
heavy = [m for m in ("torch", "scipy", "pandas", "numpy") if m in sys.modules]
ids = len({t.id for t in made.trials})
print(json.dumps({"start": start, **marks, "heavy": heavy, "ids": ids}))
"""


def command(folder: Path, index: int) -> float:
    """Seconds of one `sweep-generate` process."""
    argv = [sys.executable, "-m", "espalier", "sweep-generate", str(folder / "ranges")]
    start = time.perf_counter()
    target = folder / f"out{index}"
    subprocess.run([*argv, "--output-dir", str(target)], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    assert len(list(target.glob("config_*"))) == TRIALS
    return seconds


def phases(folder: Path) -> dict[str, float]:
    """Seconds of each phase inside one process; fails if it imported torch."""
    argv = [sys.executable, "-c", PROBE, str(folder / "ranges"), str(folder / "probe")]
    marks = json.loads(
        subprocess.run(argv, check=True, capture_output=True, encoding="utf-8").stdout
    )
    assert "torch" not in marks.pop("heavy")
    assert marks.pop("ids") == TRIALS
    names = list(marks)
    return {b: marks[b] - marks[a] for a, b in zip(names, names[1:], strict=False)}


def main() -> None:
    args = measuring.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ranges").write_text(RANGES, encoding="utf-8")
        seconds = [command(folder, i) for i in range(REPEATS)]
        cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
        parts = phases(folder)
    used = (cpu.ru_utime + cpu.ru_stime) / REPEATS
    figures = [
        Figure(f"sweep-generate, {TRIALS:,} trials", seconds, "s", f"<= {GOAL}"),
        Figure("processor time of one", [used], "s"),
        *(Figure(f"inside one process: {part}", [value], "s") for part, value in parts.items()),
    ]
    measuring.tell(args, figures, ["torch imported: no"])


if __name__ == "__main__":
    main()
