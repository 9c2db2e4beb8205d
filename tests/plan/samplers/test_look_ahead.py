"""Looking ahead: what leads nowhere is known without trying what does not matter."""

from __future__ import annotations

import toy

from espalier.kconfig.symbols import Symbols
from espalier.plan import dependency_order
from espalier.plan.budget_constraint import Budgets
from espalier.plan.samplers.look_ahead import LookAhead
from espalier.plan.samplers.tree_walk import TreeWalk, WalkOutcome

AXES = (
    "CONFIG_MODEL=mlp\nCONFIG_MAX_PARAMS=4000\nCONFIG_PRUNING_METHOD=none\n"
    "CONFIG_MLP_WIDTH=16|128\nCONFIG_MLP_LAYERS=1|2|3\n"
    "CONFIG_LEARNING_RATE=0.1|0.2|0.3\nCONFIG_BATCH_SIZE=16|32|64\nCONFIG_OPTIMIZER=sgd|adam\n"
)
TOO_LARGE = "CONFIG_MAX_PARAMS=4000: the model has more parameters"


class CountingWalk(TreeWalk):
    """Counts how many configurations are looked at."""

    looked_at = 0

    def outcome(self) -> WalkOutcome:
        self.looked_at += 1
        return super().outcome()


class Look:
    """A look from the first value of a width on, all that comes before it given."""

    def __init__(self, real: Symbols, text: str) -> None:
        requested = toy.parse_requests(real, text)
        order = dependency_order.by_dependency(real, requested)
        self.walk = CountingWalk(real, order, Budgets(real, requested))
        self.ahead = LookAhead(self.walk)
        self.walk.begin()
        self.depth = next(n for n, each in enumerate(order) if each.name == "MLP_WIDTH")
        for request in order[: self.depth]:
            self.walk.give(request, request.values[0])

    def at(self, value: str) -> bool:
        return self.ahead.leads_on(self.depth, self.walk.order[self.depth], value)


def test_only_what_the_budget_reads_is_tried(real: Symbols) -> None:
    look = Look(real, AXES)
    assert not look.at("128")
    assert look.walk.looked_at == 3  # with each number of layers, not 54 with all that follows
    assert look.ahead.why == TOO_LARGE
    assert not look.at("128")
    assert look.walk.looked_at == 3  # it is remembered
    assert look.at("16")


def test_numbers_of_intervals_are_tried_at_their_ends(real: Symbols) -> None:
    lower = AXES.replace("CONFIG_MLP_WIDTH=16|128", "CONFIG_MLP_WIDTH=48|128")
    layers = lower.replace("CONFIG_MLP_LAYERS=1|2|3", "CONFIG_MLP_LAYERS=1~3")
    look = Look(real, layers)
    assert look.at("48")  # which one layer alone leaves room for
    assert not look.at("128")
    assert look.ahead.why == TOO_LARGE
