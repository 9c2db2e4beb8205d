"""The recipes of docs/cluster.md: their files are as they should be, their commands are there.

What can be run without a cluster is: Slurm's commands are stand-ins that run what they are given.
test_cluster_recipes.py runs the others, on machines that are imitated.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import page_commands
import pytest

from espalier.core.paths import ROOT

PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
BATCH, JOB = "sweep.sbatch", "rayjob.yaml"
BLOCKS = [b.commands for b in page_commands.blocks(PAGE) if b.commands != FILES[BATCH]]
DEADLINE = 60.0  # seconds that a healthy machine never needs
SLURM = {
    "scontrol": "printf 'node1\\nnode2\\n'",
    "srun": """while [ "${1#-}" != "$1" ]; do [ "$1" = -w ] && shift; shift; done; exec "$@" """,
    "hostname": "echo 10.1.2.3 fe80::1",
    "ray": 'echo "$RAY_AUTH_MODE $RAY_AUTH_TOKEN" >> said; for word; do echo "$word"; done >> said',
}
"""Stand-ins for programs of a cluster: shell scripts by their names."""
STAY = "trap 'echo stopped >> said; exit 130' TERM; while :; do sleep 0.05; done"


def ray_lines() -> list[list[str]]:
    """Return the words that follow `ray` in each line of the page that calls it."""
    lines = [line for block in BLOCKS for line in block.splitlines()]
    matches = (re.search(r"(?:^|bin/)ray ([^'>]+)", line) for line in lines)
    batch = FILES[BATCH].replace("\\\n", "")
    (symmetric,) = re.findall(r"\bray (symmetric-run .*) &$", batch, re.MULTILINE)
    return [shlex.split(match[1]) for match in matches if match] + [shlex.split(symmetric)]


def test_every_command_of_ray_is_one_of_this_version() -> None:
    scripts = pytest.importorskip("ray.scripts.scripts")
    called = ray_lines()
    assert [words[0] for words in called] == [
        *("get-auth-token", "start", "start", "stop", "stop", "symmetric-run")
    ]
    for command, *words in called:
        if command != "symmetric-run":
            scripts.cli.commands[command].make_context(command, words)
    own, _, entry = " ".join(called[-1]).partition(" -- ")
    started = [word for word in own.split() if word.startswith(("--num", "--incl", "--disable"))]
    numbered = [word.replace("$SLURM_CPUS_PER_TASK", "16") for word in started]
    scripts.cli.commands["start"].make_context("start", ["--head", *numbered])
    assert len(started) == 3 and entry.startswith("make sweep ")


def test_every_variable_and_range_file_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name, value in re.findall(r"\b([A-Z_]+)=([\w/.-]*)", "".join(re.findall("make .*", PAGE))):
        assert re.search(rf"\b{name}\b", makefile), name
        assert not value.startswith("defconfigs") or (ROOT / value).is_file()


@pytest.fixture
def slurm(tmp_path: Path) -> Path:
    """A checkout on nodes of Slurm, with the page's file."""
    place = tmp_path / "checkout"
    (place / ".venv" / "bin").mkdir(parents=True)
    (place / BATCH).write_text(FILES[BATCH], encoding="utf-8")
    for name, script in SLURM.items():
        program(place, name, script)
    return place


def program(place: Path, name: str, script: str) -> None:
    path = place / ".venv" / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def batch(place: Path) -> subprocess.Popen[str]:
    given = {"SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_NUM_NODES": "2"}
    given |= {"SLURM_CPUS_PER_TASK": "16", "RANGE_CONFIG": "own-range"}
    given["PATH"] = f"{place}/.venv/bin:{os.environ['PATH']}"
    return subprocess.Popen(["bash", BATCH], cwd=place, env=given, text=True)


def test_the_batch_file_starts_ray_on_every_node_behind_a_token_of_its_own(slurm: Path) -> None:
    tokens = set()
    for _ in range(2):
        assert batch(slurm).wait(DEADLINE) == 0
        said = (slurm / "said").read_text().splitlines()
        (slurm / "said").unlink()
        mode, token = said[0].split()
        assert mode == "token" and re.fullmatch("[0-9a-f]{64}", token)
        tokens.add(token)
        address = ["--address", "10.1.2.3:6379", "--min-nodes", "2", "--num-cpus=16"]
        assert said[1:7] == ["symmetric-run", *address]
        assert said[9:] == [
            *("--", "make", "sweep", "RANGE_CONFIG=own-range"),
            *("EXECUTOR=ray", "RAY_ADDRESS=10.1.2.3:6379"),
        ]
    assert len(tokens) == 2


def test_a_job_whose_time_is_over_stops_its_sweep(slurm: Path) -> None:
    program(slurm, "ray", f"echo began >> said; {STAY}")
    job, end = batch(slurm), time.monotonic() + DEADLINE
    while not (slurm / "said").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    job.send_signal(signal.SIGTERM)
    assert job.wait(DEADLINE) != 0
    assert (slurm / "said").read_text() == "began\nstopped\n"


def at(record: Any, path: str) -> Any:
    for name in path.split("."):
        record = record[int(name) if name.isdigit() else name]
    return record


def test_the_manifest_has_what_a_job_of_kuberay_needs() -> None:
    job = pytest.importorskip("yaml").safe_load(FILES[JOB])
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert set(job) == {"apiVersion", "kind", "metadata", "spec"} and job["metadata"]["name"]
    cluster = at(job, "spec.rayClusterSpec")
    assert cluster["authOptions"] == {"mode": "token"}
    pins = (ROOT / "requirements" / "ray.txt").read_text(encoding="utf-8")
    assert f"ray=={cluster['rayVersion']} " in pins.replace("\n", " ")
    groups: list[Mapping[str, Any]] = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        (container,) = at(group, "template.spec.containers")
        assert {"name", "image", "resources"} <= set(container)
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    worker = cluster["workerGroupSpecs"][0]
    assert worker["minReplicas"] <= worker["replicas"] <= worker["maxReplicas"]
    (container,) = at(groups[0], "template.spec.containers")
    volumes = {volume["name"] for volume in at(groups[0], "template.spec.volumes")}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    assert container["workingDir"] == container["volumeMounts"][0]["mountPath"]
    words = shlex.split(job["spec"]["entrypoint"])
    assert words[:2] == ["espalier", "sweep"] and {"EXECUTOR=ray", "RAY_ADDRESS=auto"} < {*words}
    (name,) = (word.split("=")[1] for word in words if word.startswith("RANGE_CONFIG="))
    assert (ROOT / "defconfigs" / name).is_file()
