"""How far surgery moves the outputs of the models of the zoo, operation by operation.

    python benchmarks/zoo_surgery.py [--json FILE]

For every model, in float32 and float64: pairs are found by a pass over the example batch. On the
first four of them every operation that promises to keep the outputs is done, one after another,
after neurons have died where an operation needs dead ones. Printed is the largest change of any
output, relative to the largest output, or why there are no pairs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import measuring
import torch
from measuring import Figure
from torch import Tensor, nn
from zoo import ZOO, Specimen

from espalier.surgery import birth, death, gradmax, resize
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import search_pairs

LIMITS = {torch.float32: 1e-4, torch.float64: 1e-10}
AT_MOST = 4
"""Pairs of a model that are operated on: the last of ResNet-18 take minutes each."""
Operation = Callable[[nn.Module, EditContext, Tensor], None]


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def widen(model: nn.Module, site: EditContext, x: Tensor) -> None:
    """Add two dead neurons."""
    resize.widen(site, 2)


def narrow(model: nn.Module, site: EditContext, x: Tensor) -> None:
    """Add two dead neurons and remove them."""
    resize.narrow(site, resize.widen(site, 2))


def fresh(model: nn.Module, site: EditContext, x: Tensor) -> None:
    """Add two neurons that nothing reads."""
    birth.fresh(site, resize.widen(site, 2), _generator())


def split(model: nn.Module, site: EditContext, x: Tensor) -> None:
    """Divide the first neuron in three."""
    slots = resize.widen(site, 2)
    birth.split(site, slots, torch.zeros_like(slots), _generator())


def signed(model: nn.Module, site: EditContext, x: Tensor) -> None:
    """Add twins that cancel."""
    birth.signed(site, resize.widen(site, 2), _generator())


def by_gradmax(model: nn.Module, site: EditContext, x: Tensor) -> None:
    """Add two neurons along the largest gradient."""
    slots, moment = resize.widen(site, 2), gradmax.CrossMoment(site.pair)
    gradmax.check_pair(site.pair)
    with moment.watching():
        output = model(x)
        (output.square().mean() - output.mean()).backward()
    gradmax.gradmax(site, slots, moment, _generator())


def fold_copy(model: nn.Module, site: EditContext, x: Tensor) -> None:
    """Divide a neuron, then kill the copy: the survivors do exactly what it did."""
    slots = resize.widen(site, 1)
    birth.split(site, slots, torch.zeros_like(slots), _generator())
    pair, weight = site.pair, site.pair.out_weight
    alive = death.complement(weight.shape[1], pair.columns(slots))
    blend = torch.eye(len(alive), pair.per, dtype=weight.dtype)
    nothing, taps = weight.new_zeros(pair.per), weight[0, 0].numel()
    rest = weight.new_zeros(pair.per, pair.per)
    death.kill(site, death.Substitute(slots, alive, blend, nothing, weight.new_ones(taps), rest))


OPERATIONS: dict[str, Operation] = {
    "widen": widen,
    "narrow": narrow,
    "fresh": fresh,
    "split": split,
    "signed": signed,
    "gradmax": by_gradmax,
    "fold": fold_copy,
}


def change(specimen: Specimen, operation: str, dtype: torch.dtype) -> float | str:
    """Return the largest change of an output over all pairs, or the refusal."""
    model = specimen.build(dtype=dtype).eval()
    x = specimen.inputs(dtype=dtype)
    search = search_pairs(model, None, x)
    if not search.pairs:
        return f"refused: {search.explain(2)}"
    before = model(x).detach()
    try:
        for pair in search.pairs[:AT_MOST]:
            OPERATIONS[operation](model, EditContext(pair), x)
    except ValueError as error:
        return f"refused: {error}"
    return float((model(x).detach() - before).abs().max() / before.abs().max().clamp_min(1.0))


@dataclass(frozen=True)
class Row:
    """The pairs of a model, and by operation the changes in both number formats or refusals."""

    specimen: Specimen
    pairs: int
    changes: dict[str, list[float | str]]

    @property
    def refusals(self) -> list[str]:
        """The reasons of refusals, each once."""
        every = (change for changes in self.changes.values() for change in changes)
        return list(dict.fromkeys(change for change in every if isinstance(change, str)))

    def largest(self, place: int) -> float:
        """Return the largest change in the number format at `place` of LIMITS."""
        values = (changes[place] for changes in self.changes.values() if changes)
        return max((value for value in values if not isinstance(value, str)), default=0.0)

    def __str__(self) -> str:
        cells = [cell(changes) if self.pairs else "" for changes in self.changes.values()]
        columns = [self.specimen.name, str(self.pairs), *cells, "; ".join(self.refusals)]
        return f"| {' | '.join(columns)} |"


def row(specimen: Specimen) -> Row:
    """Do all operations on a model; without a pair one of them, for the reason."""
    count = len(search_pairs(specimen.build(), None, specimen.inputs()).pairs)
    changes: dict[str, list[float | str]] = {
        operation: [change(specimen, operation, dtype) for dtype in LIMITS]
        for operation in (OPERATIONS if count else ["widen"])
    }
    return Row(specimen, count, {name: changes.get(name, []) for name in OPERATIONS})


def cell(changes: list[float | str]) -> str:
    """Return the changes of an operation, in bold if they are above what is allowed."""
    values = [value for value in changes if not isinstance(value, str)]
    if len(values) < len(changes):
        return "refused"
    kept = all(value <= limit for value, limit in zip(values, LIMITS.values(), strict=True))
    return " / ".join(f"{value:.0e}" for value in values) + ("" if kept else " **moved**")


def main() -> None:
    args = measuring.parser(__doc__).parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    head = f"| model | pairs | {' | '.join(OPERATIONS)} | refused |"
    lines = [head, "|---|---|" + "---|" * (len(OPERATIONS) + 1)]
    print("\n".join(lines))
    rows = []
    for specimen in ZOO:
        rows.append(row(specimen))
        print(rows[-1], flush=True)
    figures = [Figure("models", [len(rows)], "")]
    figures.append(Figure("models with pairs", [sum(each.pairs > 0 for each in rows)], ""))
    for place, (dtype, limit) in enumerate(LIMITS.items()):
        largest = max(each.largest(place) for each in rows)
        name = f"largest change of an output, {str(dtype).removeprefix('torch.')}"
        figures.append(Figure(name, [largest], "", f"<= {limit:g}"))
    texts = {"table": "\n".join([*lines, *map(str, rows)])}
    measuring.tell(args, figures, texts=texts)


if __name__ == "__main__":
    main()
