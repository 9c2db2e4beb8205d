"""Every model of the zoo under every method that masks weights: exact, or refused in one line.

    python benchmarks/zoo_table.py [--json FILE] [--only MODEL]

Each model trains for 24 steps of Adam in an ordinary loop, to a sparsity of 0.5, in float32 and in
float64 (ResNet-18 in float32 alone). A cell is *exact* if every masked weight and all optimizer
state of it is 0 after every step, if what the method reports is what the matrices have that the
forward pass multiplies by, and if the output is finite; weights that have just grown, at 0, count
as live. Otherwise it is what was wrong, or *refused*: a ValueError in one line from the
constructor. The table of docs/zoo.md is in the record.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import measuring
import torch
import zoo
from measuring import Figure
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import espalier
from espalier.sparse.prunable import Coverage, cover

STEPS, SPARSITY, RATE = 24, 0.5, 0.003
EXACT, REFUSED = "exact", "refused"


class Masking(Protocol):
    """What all methods say of themselves."""

    @property
    def sparsity(self) -> float: ...


@dataclass(frozen=True)
class Trained:
    """A method at work on a model; `step` is called after the backward pass."""

    step: Callable[[], None]
    method: Masking
    optimizer: torch.optim.Optimizer
    masks: Callable[[], Any]


def _adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), RATE, amsgrad=True)


def _beside(kind: type, **options: Any) -> Callable[[nn.Module], Trained]:
    """A method that is called after each step of an optimizer."""

    def build(model: nn.Module) -> Trained:
        optimizer = _adam(model)
        method = kind(model, optimizer, **options)

        def step() -> None:
            optimizer.step()
            method.step()

        return Trained(step, method, optimizer, lambda: method.masks)

    return build


def _adamwprune(model: nn.Module) -> Trained:
    """An optimizer that prunes."""
    options = {"warmup_steps": 4, "ramp_end_step": 18, "frequency": 5}
    optimizer = espalier.AdamWPrune(model, RATE, target_sparsity=SPARSITY, **options)

    def step() -> None:
        optimizer.step()

    return Trained(step, optimizer, optimizer, lambda: optimizer.pruner.masks)


RAMP = {"target_sparsity": SPARSITY, "warmup_steps": 4, "ramp_end_step": 18, "frequency": 5}
EVENTS = {"density": 1 - SPARSITY, "total_steps": STEPS, "frequency": 4, "stop": 0.8}
METHODS: dict[str, Callable[[nn.Module], Trained]] = {
    "magnitude": _beside(espalier.MagnitudePruning, **RAMP),
    "movement, sanh": _beside(espalier.MovementPruning, form="sanh", **RAMP),
    "movement, displacement": _beside(espalier.MovementPruning, form="displacement", **RAMP),
    "state": _beside(espalier.StatePruning, **RAMP),
    "random": _beside(espalier.RandomPruning, **RAMP),
    "AdamWPrune": _adamwprune,
    "static": _beside(espalier.StaticSparse, density=1 - SPARSITY),
    "SET": _beside(espalier.SET, **EVENTS),
    "RigL": _beside(espalier.RigL, **EVENTS),
    "SNFS": _beside(espalier.SNFS, **EVENTS),
    "DSR": _beside(espalier.DSR, **EVENTS),
    "GraNet": _beside(espalier.GraNet, **EVENTS),
    "SRigL": _beside(espalier.SRigL, **EVENTS),
}


class Multiplied(TorchFunctionMode):
    """Keeps the tensors of two and more dimensions that functions of torch are given."""

    def __init__(self) -> None:
        super().__init__()
        self.tensors: dict[int, Tensor] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if "__get__" not in str(func):
            for tensor in _flat((args, kwargs or {})):
                self.tensors[id(tensor)] = tensor
        return func(*args, **(kwargs or {}))


def _flat(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _flat(value)
    elif isinstance(values, dict):
        yield from _flat(list(values.values()))


def cell(specimen: zoo.Specimen, build: Callable[[nn.Module], Trained]) -> str:
    """What becomes of a model under a method: EXACT, REFUSED with the reason, or what is wrong."""
    formats = [torch.float32, torch.float64][: 1 if specimen.name == "ResNet-18" else 2]
    said = dict.fromkeys(trained(specimen, build, dtype) for dtype in formats)
    return "; ".join(said)


def trained(
    specimen: zoo.Specimen, build: Callable[[nn.Module], Trained], dtype: torch.dtype
) -> str:
    """The same in one format of numbers."""
    model, x = specimen.build(0, dtype), specimen.inputs(0, 8, dtype)
    try:
        torch.manual_seed(0)
        run = build(model)
    except ValueError as error:
        return f"{REFUSED}: {error}" if "\n" not in str(error) else f"WRONG: {error}"
    for _ in range(STEPS):
        specimen.loss(model(x)).backward()
        run.step()
        run.optimizer.zero_grad()
        try:
            run.masks().assert_masked(run.optimizer)
        except AssertionError as error:
            return f"WRONG: {error}"
    return judged(model, x, run)


def judged(model: nn.Module, x: Tensor, run: Trained) -> str:
    """EXACT, or what is wrong with a model at the end of its training."""
    with Multiplied() as used, torch.no_grad():
        output = model(x)
    masks = run.masks()
    if not bool(output.isfinite().all()):
        return "WRONG: the output is not finite"
    apart = [
        name
        for name, w in zip(masks.names, masks.weights, strict=True)
        if id(w) not in used.tensors
    ]
    if apart:
        return f"WRONG: the forward pass does not multiply by {apart[0]}"
    zeros = sum(int((w == 0).sum()) for w in masks.weights)
    live_zeros = sum(
        int(((w == 0) & ~dead).sum())
        for w, dead in zip(masks.weights, masks.split(masks.mask), strict=True)
    )
    counted, size = zeros - live_zeros, sum(w.numel() for w in masks.weights)
    if abs(run.method.sparsity - counted / size) > 1e-12 or abs(counted - SPARSITY * size) > 1:
        return f"WRONG: says {run.method.sparsity:.4f} and has {counted / size:.4f}"
    return EXACT


def row(specimen: zoo.Specimen) -> tuple[Coverage, dict[str, str]]:
    """What can be masked of a model, and what becomes of it under each method."""
    cells = {}
    for name, build in METHODS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's old forms, and of the share
            cells[name] = cell(specimen, build)
        measuring.say(f"{specimen.name}: {name}: {cells[name]}")
    return cover(specimen.build()), cells


def table(rows: dict[str, tuple[Coverage, dict[str, str]]]) -> str:
    """The rows as a table of markdown."""
    head = ["model", "share", *METHODS, "left out"]
    lines = [head, ["---", "---:", *["---"] * (len(METHODS) + 1)]]
    for name, (coverage, cells) in rows.items():
        marks = [cells[method].partition(":")[0] for method in METHODS]
        reasons = dict.fromkeys(coverage.left_out.values())
        words = "; ".join(reasons) if coverage.left_out else ""
        lines.append([name, f"{100 * coverage.share:.0f} %", *marks, words])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--only", metavar="MODEL", help="one model, by name")
    args = parser.parse_args()
    torch.set_num_threads(1)
    specimens = [s for s in zoo.ZOO if args.only in (None, s.name)]
    rows = {specimen.name: row(specimen) for specimen in specimens}
    every = [cell for _, cells in rows.values() for cell in cells.values()]
    exact, refused = every.count(EXACT), sum(cell.startswith(REFUSED) for cell in every)
    figures = [
        Figure("models", [len(rows)], ""),
        Figure("model under a method: exact", [exact], ""),
        Figure("model under a method: refused in one line", [refused], ""),
        Figure("model under a method: wrong", [len(every) - exact - refused], "", "<= 0"),
    ]
    refusals = dict.fromkeys(cell for cell in every if cell.startswith(REFUSED))
    measuring.tell(args, figures, list(refusals), texts={"table": table(rows)})


if __name__ == "__main__":
    main()
