#!/usr/bin/env python3
"""Run the configurations of a folder; --help lists the options. This sets up the environment first.

As with make, all paths are relative to the checkout, wherever this is started.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = str(ROOT / ".venv" / "bin" / "python")
STAGE = "plan" if {"--dry-run", "--help", "-h"} & set(sys.argv) else "train"

if code := subprocess.call(["sh", str(ROOT / "scripts" / "bootstrap"), STAGE]):
    sys.exit(code)
os.chdir(ROOT)
os.execv(PYTHON, [PYTHON, "-P", "-m", "espalier", "sweep-run", *sys.argv[1:]])
