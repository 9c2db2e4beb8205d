"""`espalier.sweep` on a Ray cluster, with code that only the driver's machine has; nightly."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import machines
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
PORT = 6379
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"^`(\w+\.py)`:\n\n```python\n(.*?)^```$", PAGE, re.M | re.DOTALL))
FILES = {
    "layers.py": """
        from torch import nn

        def hidden(width):
            return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU())
        """,
    "nets.py": """
        from torch import nn
        from layers import hidden

        class Narrow(nn.Module):
            def __init__(self, width: int = 8):
                super().__init__()
                self.body, self.head = hidden(width), nn.Linear(width, 10)

            def forward(self, x):
                return self.head(self.body(x))
        """,
    "team/__init__.py": "",
    "team/scores.py": """
        def score(rate):
            return 1 / (1 + rate)
        """,
    "team/training.py": """
        import os, time
        from team.scores import score

        def train(config, log, width=4, rate=0.5):
            for epoch in (1, 2):
                time.sleep(0.05)
                log(epoch=epoch, val_acc=score(rate) * epoch / 2)
            (log.folder / "where.txt").write_text(os.uname().nodename)
        """,
    "drive.py": """
        import sys
        import espalier
        from nets import Narrow
        from team.scores import score
        from team.training import train

        def inner(config, log, rate=0.5):
            log(epoch=1, val_acc=score(rate))

        common = {"executor": "ray", "ray_address": "auto"}
        seeds = {"SEED": "1:1:8"}
        digits = {"TRAIN_SUBSET": 200, "NUM_EPOCHS": 1, "PRUNING_METHOD": "none", "PACK": 1}
        {
            "model": lambda: espalier.sweep({**digits, **seeds}, model=Narrow, **common),
            "train": lambda: espalier.sweep({"RATE": [0.5, 1.0], **seeds}, train=train, **common),
            "inner": lambda: espalier.sweep({"RATE": [0.5, 1.0], **seeds}, train=inner, **common),
        }[sys.argv[1]]()
        """,
}


@pytest.mark.parametrize(("kind", "trials"), [("model", 8), ("train", 16), ("inner", 16)])
def test_code_of_the_drivers_reaches_a_machine_that_lacks_it(
    tmp_path: Path, kind: str, trials: int
) -> None:
    said = _on_second(tmp_path, FILES, "drive.py", kind)
    assert _passed(tmp_path) == trials, said
    if kind == "train":
        results = tmp_path / "mine" / "test_matrix_results"
        names = [path.read_text(encoding="utf-8") for path in results.rglob("where.txt")]
        assert names == trials * ["machine1"]


def test_the_programs_of_the_page_run(tmp_path: Path) -> None:
    said = _on_second(tmp_path, PROGRAMS, "on_cluster.py")
    assert _passed(tmp_path) == 6, said
    assert re.search(r"configuration +mean\n0 +config_005 +98\.9", said), said


def _on_second(place: Path, files: Mapping[str, str], *words: str) -> str:
    """Run a program on the first of two machines, of which the second trains; its output."""
    mine = place / "mine"
    for name, text in files.items():
        path = mine / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    with machines.machines(place, [[], [ROOT, mine]]) as (first, second):
        head = ("--head", f"--port={PORT}", "--include-dashboard=false", "--num-cpus=0")
        _start_ray(first, sys.executable, *head)
        _start_ray(second, second.python, f"--address={first.address}:{PORT}", "--num-cpus=2")
        code, said = first.run(sys.executable, *words, cwd=mine, PYTHONPATH=str(ROOT / "lib"))
        assert code == 0, said
        assert first.run("ls", "-A", machines.TEMPORARY)[1].split() == ["ray"], said
        with _read(place) as store:
            assert {each.device for each in store.attempts()} == {f"cpu@{second.address}"}
    return said


def _read(place: Path) -> Store:
    (path,) = place.glob(f"mine/test_matrix_results/*/{STORE}")
    return Store.open(path, readonly=True)


def _passed(place: Path) -> int:
    with _read(place) as store:
        states = store.states().values()
    assert {*states} == {"passed"}
    return len(states)


def _start_ray(machine: Machine, python: object, *options: str) -> None:
    """Start a node of a cluster."""
    node = (f"--node-ip-address={machine.address}", "--disable-usage-stats")
    command = (python, "-m", "ray.scripts.scripts", "start", *options, *node)
    code, said = machine.run(*command, f"--temp-dir={machines.TEMPORARY}/ray")
    assert code == 0, said
