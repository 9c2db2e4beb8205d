"""Newborn neurons and synapses under many optimizers, against fresh ones: how far apart they are.

Two matrices are trained on noisy gradients for 300 updates. Then two rows, or 15
single elements, are born anew, and a fresh optimizer of the same class takes over copies of both.
For 50 updates both get the same gradients. The distance is the largest, over these updates, of the
norm of the difference of the newborns' weights, over that of the fresh optimizer's mean update: 1
is one update too many or too few. The fresh optimizer updates the whole matrix, which matters where
elements are coupled.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from measuring import Figure, parser, tell
from torch import Tensor, nn

from espalier.core.paths import ROOT
from espalier.optimizers.published.adafactor_optimizer import AdafactorOptimizer
from espalier.optimizers.published.lion_optimizer import LionOptimizer
from espalier.optimizers.published.muon_optimizer import MuonOptimizer
from espalier.optimizers.published.schedulefree_optimizer import ScheduleFreeOptimizer
from espalier.optimizers.published.soap_optimizer import SoapOptimizer
from espalier.surgery import optimizer_state
from espalier.surgery.restarts.per_slice_restart import restart_of
from espalier.surgery.restarts.restart_kinds import DeclaresRestart, kind_of

Build = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
BEFORE, UPDATES = 300, 50
REQUIREMENTS = ROOT / "requirements" / "optimizers.txt"
PACKAGES = ROOT / ".venv" / "optimizers"
NOT_MEASURED = "NOT MEASURED: the packages of others could not be installed (no network?)"
FORMATS = {"float32": torch.float32, "float64": torch.float64}
EXACT = 0.01
"""An exact restart is closer than this many fresh updates, in either number format."""

TORCH: dict[str, Build] = {
    "SGD (momentum)": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "SGD (dampening)": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, dampening=0.5),
    "Adam": torch.optim.Adam,
    "Adam (amsgrad)": lambda p: torch.optim.Adam(p, amsgrad=True),
    "AdamW": torch.optim.AdamW,
    "NAdam": torch.optim.NAdam,
    "RAdam": torch.optim.RAdam,
    "Adamax": torch.optim.Adamax,
    "Adadelta": torch.optim.Adadelta,
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr_decay=0.01, initial_accumulator_value=0.1),
    "RMSprop": lambda p: torch.optim.RMSprop(p, momentum=0.9, centered=True),
    "ASGD": lambda p: torch.optim.ASGD(p, t0=10),
    "Rprop": torch.optim.Rprop,
    "Adafactor": torch.optim.Adafactor,
    "Muon": torch.optim.Muon,
    "LBFGS": torch.optim.LBFGS,
    "SparseAdam": torch.optim.SparseAdam,
}


OURS: dict[str, Build] = {
    "espalier Lion": lambda p: LionOptimizer(p, 1e-3, betas=(0.9, 0.99)),
    "espalier Muon": lambda p: MuonOptimizer(
        [{"params": list(p), "hidden": True}],
        1e-3,
        momentum=0.95,
        nesterov=True,
        scale="moonlight",
        share=1.0,
    ),
    "espalier SOAP": lambda p: SoapOptimizer(
        [{"params": list(p), "rotated": True}], 1e-3, frequency=10, largest=10000
    ),
    "espalier Adafactor": lambda p: AdafactorOptimizer(
        p, 1e-3, decay_power=0.8, floor=1e-3, limit=1.0, relative=True
    ),
    "espalier schedule-free AdamW": lambda p: ScheduleFreeOptimizer(
        p, 1e-3, betas=(0.9, 0.999), eps=1e-8, warmup=0
    ),
}


def install() -> bool:
    """Make the packages of requirements/optimizers.txt importable; return whether that worked.

    They are put into a folder of their own at first, without what they require.
    """
    stamp = PACKAGES / REQUIREMENTS.name
    if not stamp.exists() or stamp.read_bytes() != REQUIREMENTS.read_bytes():
        command = [sys.executable, "-m", "uv", "pip", "install", "-q", "--no-deps", "--target"]
        if subprocess.run([*command, PACKAGES, "-r", REQUIREMENTS], check=False).returncode:
            return False
        shutil.copy(REQUIREMENTS, stamp)
    sys.path.append(str(PACKAGES))
    return True


def third_party() -> dict[str, Build]:
    """Return optimizers of packages that are no part of the training environment."""
    if not install():
        print(NOT_MEASURED)
        return {}
    import pytorch_optimizer as po  # noqa: PLC0415
    import schedulefree  # noqa: PLC0415

    return {
        "pytorch_optimizer.AdamP": po.AdamP,
        "pytorch_optimizer.Adan": po.Adan,
        "pytorch_optimizer.ADOPT": po.ADOPT,
        "pytorch_optimizer.Lion": po.Lion,
        "pytorch_optimizer.Lookahead": lambda p: po.Lookahead(torch.optim.Adam(p)),
        "pytorch_optimizer.Prodigy": po.Prodigy,
        "pytorch_optimizer.Ranger": po.Ranger,
        "pytorch_optimizer.SOAP": po.SOAP,
        "schedulefree.AdamWScheduleFree": schedulefree.AdamWScheduleFree,
        "schedulefree.SGDScheduleFree": lambda p: schedulefree.SGDScheduleFree(p, lr=0.01),
    }


class Trial:
    """One optimizer that is late, and, after `begin`, a fresh one beside it."""

    def __init__(self, build: Build, dtype: torch.dtype) -> None:
        """Raises ValueError if newborns cannot start under it."""
        self.generator = torch.Generator().manual_seed(0)
        self.build = build
        self.late = self._parameters(dtype)
        self.optimizer = _started(build(self.late))
        self.restarts = restart_of(self.optimizer)
        for _ in range(BEFORE):
            self._update(self.optimizer, self.late, self._gradients())
            self.restarts.after_step()

    def _parameters(self, dtype: torch.dtype) -> list[nn.Parameter]:
        sizes = [(12, 10), (8, 12)]  # matrices: Muon takes no other
        return [nn.Parameter(0.3 * self._normal(size, dtype)) for size in sizes]

    def _normal(self, size: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return torch.randn(size, generator=self.generator, dtype=torch.float64).to(dtype)

    def _gradients(self) -> list[Tensor]:
        return [self._normal(tuple(p.shape), p.dtype) for p in self.late]

    @staticmethod
    def _update(
        optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter], gradients: list[Tensor]
    ) -> None:
        for p, gradient in zip(parameters, gradients, strict=True):
            p.grad = gradient.clone()
        optimizer.step()

    def distance(self, what: str) -> float:
        """Let `slices` or `elements` of the first matrix be born and return their distance."""
        matrix = self.late[0]
        born = torch.zeros(matrix.shape, dtype=torch.bool)
        with torch.no_grad():
            if what == "slices":
                born[[2, 7]] = True
            else:
                born.view(-1)[torch.randperm(120, generator=self.generator)[:15]] = True
            matrix[born] = 0.3 * self._normal((int(born.sum()),), matrix.dtype)
        self._restart(matrix, what, born)
        twins = [nn.Parameter(p.detach().clone()) for p in self.late]
        fresh = _started(self.build(twins))
        apart, updates = [0.0], [0.0]
        for _ in range(UPDATES):
            before, gradients = twins[0].detach().clone(), self._gradients()
            self._update(self.optimizer, self.late, gradients)
            self.restarts.after_step()
            self._update(fresh, twins, gradients)
            apart.append(float((matrix - twins[0])[born].norm()))
            updates.append(float((twins[0] - before)[born].norm()))
        return max(apart) / (sum(updates) / UPDATES)

    def _restart(self, matrix: Tensor, what: str, born: Tensor) -> None:
        if what == "slices":
            rows = born.all(1).nonzero().flatten()
            optimizer_state.reset_slices(self.optimizer, matrix, 0, rows, zero=True)
            self.restarts.note(matrix, 0, rows)
        else:
            at = born.nonzero(as_tuple=True)
            optimizer_state.reset_elements(self.optimizer, matrix, at)
            self.restarts.note_elements(matrix, at)


def _started(optimizer: torch.optim.Optimizer) -> Any:
    """Return an optimizer in training mode, if it has one."""
    if hasattr(optimizer, "train"):
        optimizer.train()
    return optimizer


def measure(name: str, build: Build) -> tuple[list[Figure], str]:
    """Return an optimizer's distances and its row of the table of docs/newborns.md.

    The figure has the distances of slices and elements in either number format.
    """
    distances, kind, coupled = {}, "", False
    for number_format, dtype in FORMATS.items():
        for what in ("slices", "elements"):
            try:
                trial = Trial(build, dtype)
            except ValueError as error:
                return [], f"| {name} | refused: {str(error).partition(': ')[2]} | | |"
            distances[what, number_format] = trial.distance(what)
            kind = kind_of(trial.optimizer).name.lower()
            own = trial.optimizer
            coupled = kind == "generic" or (isinstance(own, DeclaresRestart) and own.coupling != "")
    goal = "" if coupled else f"<= {EXACT}"
    figures = [Figure(f"{name} ({kind})", list(distances.values()), "fresh updates", goal)]
    cells = [
        " / ".join(f"{distances[what, form]:.1e}" for form in FORMATS)
        for what in ("slices", "elements")
    ]
    return figures, f"| {name} | {kind} | {cells[0]} | {cells[1]} |"


def main() -> int:
    args = parser(__doc__).parse_args()
    warnings.simplefilter("ignore")
    figures: list[Figure] = []
    print("distances in float32 / float64, in mean updates of the fresh optimizer")
    rows = ["| optimizer | restart | slices | elements |", "|---|---|---|---|"]
    print("\n".join(rows))
    for name, build in {**TORCH, **OURS, **third_party()}.items():
        measured, row = measure(name, build)
        figures += measured
        rows.append(row)
        print(row, flush=True)
    notes = ["n: slices and elements, in float32 and float64"]
    tell(args, figures, notes, texts={"table": "\n".join(rows)})
    return 0 if all(figure.met is not False for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
