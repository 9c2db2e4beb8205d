"""Firefly: of many splits and new neurons with a small epsilon, those that the loss asks for.

Source: Wu, Liu, Stone and Liu 2020, "Firefly Neural Architecture Descent", arXiv 2102.08574,
algorithm 1 and equations 4 to 6: epsilons and directions of all candidates are trained for a few
steps, then those with the largest mean gradient by epsilon stay, at the end of its range that
lowers the loss.
Differs: every layer gets the number that the schedule says, one layer after another; a split moves
incoming weights alone; epsilons start at their limit; all are varied at once for the integral. The
largest scores are those of either sign, as in the paper, where the public code takes the most
negative ones. The optimizer's state of what is old is kept, where the code begins it anew.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.widening import firefly_draft
from espalier.methods.widening.firefly_draft import Candidates, DescentStep, FireflyDraft
from espalier.methods.widening.widening_method import WideningMethod
from espalier.methods.widening.widening_state import WideningState
from espalier.sparse import processes
from espalier.surgery import birth
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import Pair
from espalier.surgery.resize import widen
from espalier.train.random_batch import draw_batch


@kconfig_dataclass
class Firefly(WideningMethod):
    """Candidates are a split of each neuron and `candidates` new ones for each that comes."""

    epsilon: float
    steps: int
    rate: float
    candidates: int

    @override
    def passes(self) -> int:
        return self.steps + firefly_draft.QUADRATURE

    @override
    def passed_size(self, size: int, extra: int) -> int:
        return 2 * size + self.candidates * extra

    @override
    def check_pair(self, pair: Pair) -> None:
        firefly_draft.check_pair(pair)

    @override
    @torch.no_grad()
    def add_neurons(self, run: Run[WideningState], site: EditContext, extra: int) -> None:
        generator, new = run.generators["method"], self.candidates * extra
        model = processes.wrapped(run.model)
        draft = FireflyDraft(model, site.pair.name, new, generator)
        trained, step = draft.draw(self.epsilon, generator), DescentStep(self.rate, self.epsilon)
        for _ in range(self.steps):
            trained = draft.train(trained, draw_batch(run, run.batch_size, counted=False), step)
        scores = draft.scores(trained, *draw_batch(run, run.batch_size, counted=False))
        chosen = scores.abs().argsort(descending=True, stable=True)[:extra]
        trained.epsilon = -self.epsilon * scores.sign()
        _place(site, chosen.sort().values, trained, generator)


def _place(
    site: EditContext, chosen: Tensor, trained: Candidates, generator: torch.Generator
) -> None:
    """Add the candidates `chosen` (n,), ascending, to the network: splits, then new neurons."""
    pair, size = site.pair, site.pair.size
    slots, epsilon = widen(site, len(chosen)), trained.epsilon
    parents, new = chosen[chosen < size], chosen[chosen >= size] - size
    twins, rest = slots[: len(parents)], slots[len(parents) :]
    if len(parents):
        step = epsilon[parents, None] * trained.splits[parents]
        rows = pair.incoming()[parents].clone()
        birth.split(site, twins, parents, generator, birth.Portion(0.5, 0.0))
        pair.write_incoming(parents, rows + step)
        pair.write_incoming(twins, rows - step)
        site.reset_state(twins)
    if len(rest):
        birth.place(site, rest, trained.incoming[new])
        offsets = torch.arange(pair.per, device=new.device)
        sent = trained.outgoing.index_select(1, (new[:, None] * pair.per + offsets).flatten())
        sent = firefly_draft.scaled_outgoing(sent, epsilon[size + new], pair.per)
        pair.out_weight.index_copy_(1, pair.columns(rest), sent)
        site.reset_state(rest)
