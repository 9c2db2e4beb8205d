"""Base of the arms that widen layers: everything but how new neurons are made.

The configured model is the network in the end. Its layers begin with a share of their neurons, and
all arms have the same widths after the same updates, so their final parameters are the same number
by construction, those of the model trained as it is too. Passes beside the updates are paid for
with epochs at the end.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures, count_parameters
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.widening.widening_costs import OperationCounter, WideningCosts
from espalier.methods.widening.widening_schedule import WideningSchedule
from espalier.methods.widening.widening_state import WideningState
from espalier.sparse import processes
from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import Pair, find_pairs
from espalier.surgery.probe import evaluated_logits
from espalier.surgery.resize import resize
from espalier.surgery.restarts.per_slice_restart import restart_of

PROBE = 256  # samples on which a change of the logits is measured


@kconfig_dataclass
class WideningMethod(Method[WideningState], ABC):
    """Widen every layer whose neurons feed exactly one other layer, by a `schedule`."""

    packable: ClassVar[bool] = False  # shapes change

    schedule: WideningSchedule

    @abstractmethod
    def add_neurons(self, run: Run[WideningState], site: EditContext, extra: int) -> None:
        """Add `extra` neurons to a pair, and leave the rest of the network as it is."""

    def passes(self) -> int:
        """Return the batches that are passed forward and backward to widen one pair once."""
        return 0

    def passed_size(self, size: int, extra: int) -> int:
        """Return the neurons that a pair of `size` has in these passes, when `extra` come."""
        return size

    def check_pair(self, pair: Pair) -> None:
        """Raise ValueError if no neurons can be added to `pair` in this way."""

    @override
    def attach(self, run: Run[WideningState]) -> None:
        self.schedule.check_length(run.length)
        pairs = find_pairs(processes.wrapped(run.model))
        self._check(pairs)
        before = run.method_state
        fresh = not isinstance(before, WideningState)
        full = [pair.size for pair in pairs] if fresh else before.full
        restarts = restart_of(run.optimizer)
        sites = [EditContext(pair, run.optimizer, restarts=restarts) for pair in pairs]
        costs = self._costs(run, full)
        events = self.schedule.steps(run.total_steps)
        charged = costs.charge(run.steps_per_epoch)
        self._check_charge(run, charged, events[-1])
        for site, size in zip(sites, full, strict=True):
            first = self.schedule.size(size, 0)
            if fresh:
                _enlarge(site.pair, size / first)
            resize(site, first)
        run.method_state = WideningState(sites, full, restarts, events, costs, charged)

    def _check(self, pairs: list[Pair]) -> None:
        if not pairs:
            raise CannotTrain(
                "nothing_to_grow", "no two layers of the model follow each other as a pair"
            )
        try:
            for pair in pairs:
                self.check_pair(pair)
        except ValueError as error:
            raise CannotTrain("nothing_to_grow", str(error)) from error

    def _check_charge(self, run: Run[WideningState], charged: int, last: int) -> None:
        left = run.epochs - charged
        if left * run.steps_per_epoch <= last:
            raise CannotTrain(
                "growth_too_expensive",
                f"passes that find neurons cost as much as {charged} of {run.epochs} epochs, and "
                f"the last neurons come after update {last}, {run.steps_per_epoch} an epoch: "
                "lower them or CONFIG_WIDENING_STOP, or raise CONFIG_NUM_EPOCHS",
            )

    def _costs(self, run: Run[WideningState], full: list[int]) -> WideningCosts:
        """Return what all stages of the run cost."""
        x, _ = next(iter(run.train.pieces(1)))
        counter = OperationCounter(processes.wrapped(run.model), x[:1])
        numbers = range(self.schedule.events + 1)
        stages = [[self.schedule.size(size, done) for size in full] for done in numbers]
        updates = tuple(counter.update(sizes) for sizes in stages)
        samples = len(run.train) / run.steps_per_epoch
        batch = min(run.batch_size, len(run.train))
        extra = []
        for now, after in zip(stages, stages[1:], strict=False):
            cost, sizes = 0, list(now)
            for place, size in enumerate(now):
                if self.passes() and after[place] > size:
                    passed = self.passed_size(size, after[place] - size)
                    there = [*sizes[:place], passed, *sizes[place + 1 :]]
                    cost += self.passes() * batch * counter.update(there)
                sizes[place] = after[place]
            extra.append(cost)
        return WideningCosts(updates, tuple(extra), samples)

    @override
    def charge(self, run: Run[WideningState]) -> int:
        return run.method_state.charged

    @override
    def after_step(self, run: Run[WideningState]) -> None:
        state = run.method_state
        state.restarts.after_step()
        state.updates += 1
        if run.step in state.events:
            self._widen(run)

    def _widen(self, run: Run[WideningState]) -> None:
        state = run.method_state
        processes.broadcast_generator(run.generators["method"])
        x, _ = next(iter(run.validation.pieces(PROBE)))
        before = evaluated_logits(run.model, x)
        state.done += 1
        if run.costs is not None:
            run.costs.add_operations(state.costs.extra[state.done - 1])
        for site, full in zip(state.sites, state.full, strict=True):
            extra = self.schedule.size(full, state.done) - site.pair.size
            if extra > 0:
                self.add_neurons(run, site, extra)
                state.extra_passes += self.passes()
                state.added += extra
        change = float((evaluated_logits(run.model, x) - before).abs().max())
        state.difference = max(state.difference, change)

    @override
    def check(self, run: Run[WideningState]) -> None:
        """Assert that every layer is as wide as the schedule says."""
        state = run.method_state
        due = [self.schedule.size(full, state.done) for full in state.full]
        if state.sizes != due:
            raise RuntimeError(f"layers have {state.sizes} neurons, the schedule says {due}")

    @override
    def measures(self, run: Run[WideningState]) -> Measures:
        """Return neurons, costs and what births changed.

        `criterion_updates` are passes of batches that found neurons, `training_operations` those
        of all updates and passes so far, `birth_difference` the largest change of any logit at an
        event, on up to 256 validation samples.
        """
        state = run.method_state
        return {
            "sparsity": 0.0,
            "live_parameters": count_parameters(run.model),
            "neurons": sum(state.sizes),
            "neurons_added": state.added,
            "growth_events": state.done,
            "criterion_updates": state.extra_passes,
            "training_operations": state.costs.total(state.updates, state.events),
            "birth_difference": state.difference,
        }

    @override
    def changes(self, run: Run[WideningState]) -> int:
        return run.method_state.done

    @override
    def unfinished(self, run: Run[WideningState]) -> bool:
        return run.method_state.done < self.schedule.events

    @override
    def state_dict(self, run: Run[WideningState]) -> StateDict:
        return run.method_state.state_dict()

    @override
    def load_state_dict(self, run: Run[WideningState], state: StateDict) -> None:
        run.method_state.load_state_dict(state)


@torch.no_grad()
def _enlarge(pair: Pair, times: float) -> None:
    """Let what reads the neurons that stay vary as much as if all of them were read."""
    pair.out_weight.mul_(math.sqrt(times))
