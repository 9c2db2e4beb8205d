"""Run the benchmarks and write docs/benchmarks.md from what they measured.

    python benchmarks/collect.py [--only NAME [-- ARGUMENTS]] [--gpu] [--page]

Each program prints its table and leaves a record, which is kept in the file of the machine it was
measured on, results/<machine>.json, in place of that program's last one. The page shows what all
those files hold. A program that fails leaves its last record as it was, and the exit code is 1.
A record is called by its program, and by the part or data set that it was run for. What is new
comes into the other pages with page_figures.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import page
import records

from espalier.core.paths import ROOT

HERE = Path(__file__).parent
PROGRAMS = (  # in the order of the page: what a sweep costs first, then its parts
    "pack_sweep",
    "pack_peak",
    "pack_conv",
    "pack_equality",
    "own_tree",
    "quick_start",
    "worker_start",
    "grow_grid",
    "plan_10k",
    "report_page",
    "sweep_list",
    "harness_overhead",
    "script_overhead",
    "estimate_truth",
    "adamwprune_step",
    "masks_against_sort",
    "zoo_table",
    "zoo_surgery",
    "dendrites_layer",
    "dendrites_pack",
    "data_batches",
    "data_streamed",
    "apoptosis_jump",
    "apoptosis_events",
    "fitness_truth",
    "newborn_optimizers",
    "growth_decisions",
    "sparse_training",
    "patch_experiment",
    "extrema_found",
    "informed_start",
    "multi_scale",
    "seed_finder",
    "verdict_example",
    "pack_kill",
    "kill_nine",
    "snapshot_kill",
    "snapshot_sizes",
)
LONG_PROGRAMS = (  # many minutes: by name only
    "apoptosis_table",
    "plasticity_table",
    "bench_field",
    "cliff_rescue",
    "dendrites_published",
    "dendrites_table",
    "early_termination",
    "exports",
    "fresh_install",
    "greedy_loop",
    "many_trials",
    "indefinite_growth",
    "mutated_files",
    "race",
    "ray_cluster",
    "rewiring",
    "sampler_regret",
    "tournament",
    "tutorial",
    "two_machines",
    "verdict_null",
    "verdict_power",
    "widening_table",
)
GPU_PROGRAMS = ("packs_gpu",)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = [*PROGRAMS, *LONG_PROGRAMS, *GPU_PROGRAMS]
    parser.add_argument("--only", metavar="NAME", choices=every, help=", ".join(every))
    parser.add_argument("--gpu", action="store_true", help="the part that needs a GPU")
    parser.add_argument("--page", action="store_true", help="write the page and run nothing")
    parser.add_argument("arguments", nargs="*", help="of that program: -- --dataset mnist_5k")
    args = parser.parse_args()
    if args.arguments and not args.only:
        parser.error("arguments are of one program: --only names it")
    programs = [args.only] if args.only else GPU_PROGRAMS if args.gpu else PROGRAMS
    failed = [] if args.page else [name for name in programs if not ran(name, args.arguments)]
    page.write(records.stored(), ROOT / "docs" / "benchmarks.md", every)
    if failed:
        print(f"error: {', '.join(failed)} failed; what they measured last is kept")
    return 1 if failed else 0


def ran(name: str, arguments: Sequence[str] = ()) -> bool:
    """Run one program and keep its record, if it leaves one; whether it ended well."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record.json"
        command = [sys.executable, str(HERE / f"{name}.py"), "--json", str(file), *arguments]
        done = subprocess.run(command, cwd=ROOT, check=False)
        if file.exists():
            records.keep(json.loads(file.read_text(encoding="utf-8")))
    print(flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
