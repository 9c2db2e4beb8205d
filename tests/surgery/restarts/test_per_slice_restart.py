"""Deaths and births in one run of a pack are those of the run alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import packing
import pytest
from covering import rest_nightly

from espalier.core.contracts import Method, Run
from espalier.surgery import birth, death
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import find_pairs
from espalier.surgery.probe import gather
from espalier.surgery.restarts.per_slice_restart import restart_of


@dataclass(frozen=True)
class Reborn(Method):
    """Every 30 steps two neurons of each pair die; one is born afresh, one splits off another."""

    restarting: bool = True

    def attach(self, run: Run) -> None:
        run.method_state = restart_of(run.optimizer) if self.restarting else None

    def after_step(self, run: Run) -> None:
        if self.restarting:
            run.method_state.after_step()
        if run.step % 30 == 0:
            for pair in find_pairs(run.model):
                self.replace(run, EditContext(pair, run.optimizer, restarts=run.method_state))

    def replace(self, run: Run, site: EditContext) -> None:
        (statistics,) = gather(run.model, [site.pair], [run.train.x])
        order = site.pair.outgoing().norm(dim=1).argsort()
        death.kill(site, death.substitute_survivors(site.pair, order[:2], statistics))
        birth.fresh(site, order[:1], run.generators["method"])
        birth.split(site, order[1:2], order[-1:], run.generators["method"])


CASES = list(product(["adamw", "sgd"], [packing.mlp, packing.lenet], [True, False]))


def pairs(*case: object) -> list[tuple[object, ...]]:
    """Any two values are to be met together."""
    return list(combinations(case, 2))


@pytest.mark.parametrize(("optimizer", "build", "restarting"), rest_nightly(CASES, pairs))
def test_a_pack_gives_what_the_runs_give_alone(optimizer, build, restarting) -> None:
    def trainers() -> list[packing.Trainer]:
        wishes = {"OPTIMIZER": optimizer, "PRUNING_METHOD": "none"}
        made = [packing.trainer(packing.varied(wishes, k), build) for k in range(3)]
        for each in made:
            each.run.method = Reborn(restarting)
            each.run.attach()
        return made

    single = [packing.train([each])[0] for each in trainers()]
    for outcome, alone in zip(packing.train(trainers()), single, strict=True):
        assert len(outcome.losses) == 200
        apart = packing.gap(outcome, alone)
        assert apart.loss <= 1e-8 and apart.weight <= 1e-7  # a fold solves a system
