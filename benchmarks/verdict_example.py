"""The example of docs/comparing.md: a question put to a sweep on the command line.

.venv/bin/python benchmarks/verdict_example.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import measuring
import sweeping
from measuring import Figure

from espalier.core.paths import ROOT

RANGE = "defconfigs/digits-methods-range"
QUESTION = ("--a", "PRUNING_METHOD=movement", "--b", "PRUNING_METHOD=magnitude")
FOLDER = "test_matrix_results/sweep_YYYYMMDD_HHMMSS"


def main() -> None:
    args = measuring.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = sweeping.once(Path(folder) / "sweep", RANGE)
        trials, results = len(sweeping.results(place)), str(place / sweeping.RESULTS)
        command = [sys.executable, "-P", "-m", "espalier", "verdict", *QUESTION, "--sweep", results]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=sweeping.calm_environment(),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    said = done.stdout.rstrip().replace(results, FOLDER) or sys.exit(done.stderr)
    figures = [Figure("trials", [trials], ""), Figure("exit code", [done.returncode], "")]
    texts = {"output": f"```text\n{said}\n```"}
    measuring.tell(args, figures, [f"{RANGE}, {' '.join(QUESTION)}"], texts=texts)


if __name__ == "__main__":
    main()
