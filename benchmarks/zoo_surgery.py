"""How far surgery moves the outputs of the models of the zoo, operation by operation.

For every model, in float32 and float64: pairs are found by a pass over two samples; on every pair
(of more than four, on the first four)
every operation that promises to keep the outputs is done, one after another, after neurons have
died where an operation needs dead ones. Printed is the largest change of any output, relative to
the largest output, or why there are no pairs.

    .venv/bin/python -P benchmarks/zoo_surgery.py
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from zoo import ZOO, Specimen

from espalier.surgery import birth, death, gradmax, resize
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairs import search_pairs

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


def row(specimen: Specimen) -> str:
    """Return the table's row: the pairs, and the change in both number formats."""
    count = len(search_pairs(specimen.build(), None, specimen.inputs()).pairs)
    if not count:
        refusal = str(change(specimen, "widen", torch.float32))
        return f"| {specimen.name} | 0 |" + " |" * len(OPERATIONS) + f" {refusal} |"
    cells, refusals = [], dict[str, None]()
    for operation in OPERATIONS:
        changes = {dtype: change(specimen, operation, dtype) for dtype in LIMITS}
        cells.append(_cell(changes))
        refusals.update({x: None for x in changes.values() if isinstance(x, str)})
    return f"| {specimen.name} | {count} | {' | '.join(cells)} | {'; '.join(refusals)} |"


def _cell(changes: dict[torch.dtype, float | str]) -> str:
    values = [value for value in changes.values() if not isinstance(value, str)]
    if len(values) < len(changes):
        return "refused"
    kept = all(value <= limit for value, limit in zip(values, LIMITS.values(), strict=True))
    return " / ".join(f"{value:.0e}" for value in values) + ("" if kept else " **moved**")


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    print(f"| model | pairs | {' | '.join(OPERATIONS)} | refused |")
    print("|---|---|" + "---|" * (len(OPERATIONS) + 1))
    for specimen in ZOO:
        print(row(specimen), flush=True)


if __name__ == "__main__":
    main()
