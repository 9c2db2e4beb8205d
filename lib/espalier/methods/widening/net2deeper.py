"""Net2DeeperNet: layers come while the network trains, and begin as the identity.

The configured model is the network in the end, so its final parameters are those of the model
trained whole. The layers that come are those nearest the output that can be the identity.

Source: Chen, Goodfellow and Shlens 2016, "Net2Net: Accelerating Learning via Knowledge Transfer",
arXiv 1511.05641, section 2.4 (Net2DeeperNet).
Differs: layers come in the middle of a run, one at an event; the optimizer's state of the others is
kept, and a layer that comes has none. No noise is added; layers before a normalisation do not come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures, count_parameters
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.widening.deepening_schedule import DeepeningSchedule
from espalier.methods.widening.widening_costs import WideningCosts
from espalier.methods.widening.widening_method import PROBE
from espalier.sparse import processes
from espalier.surgery import optimizer_state
from espalier.surgery.identity_layers import IdentityPlace, find_identity_places
from espalier.surgery.probe import evaluated_logits
from espalier.train.costs.layer_products import count_operations


@dataclass
class DeepeningState:
    """The layers that come after the updates `events`, and the optimizer's groups for them."""

    places: list[IdentityPlace]
    groups: list[list[int]]
    events: tuple[int, ...]
    costs: WideningCosts
    updates: int = 0
    done: int = 0  # events
    difference: float = 0.0  # largest change of a logit at any event


@kconfig_dataclass
class Net2Deeper(Method[DeepeningState]):
    """Leave layers out at first, and put them in as the identity by a `schedule`."""

    packable: ClassVar[bool] = False  # the network's layers change

    schedule: DeepeningSchedule

    @override
    def attach(self, run: Run[DeepeningState]) -> None:
        self.schedule.check_length(run.length)
        places = self._places(run)
        optimizer = run.optimizer
        groups = [optimizer_state.group_places(optimizer, p.layer.parameters()) for p in places]
        costs = _costs(run, places)
        events = self.schedule.steps(run.total_steps)
        run.method_state = DeepeningState(places, groups, events, costs)
        for place in places:
            for parameter in place.layer.parameters():
                optimizer_state.remove_param(optimizer, parameter)

    def _places(self, run: Run[DeepeningState]) -> list[IdentityPlace]:
        """Return the layers that come, all of which are part of the network."""
        before = run.method_state
        if isinstance(before, DeepeningState):
            _set_depth(run, len(before.places))
            return before.places
        places = find_identity_places(processes.wrapped(run.model))
        if len(places) < self.schedule.layers:
            raise CannotTrain(
                "nothing_to_grow",
                f"CONFIG_NET2DEEPER_LAYERS={self.schedule.layers}: the model has {len(places)} "
                "layers that can begin as the identity, as wide as the layer before them and "
                "between two ReLUs: lower it, or give the model more layers of one width",
            )
        return places[-self.schedule.layers :]

    @override
    def after_step(self, run: Run[DeepeningState]) -> None:
        state = run.method_state
        state.updates += 1
        if run.step not in state.events:
            return
        x, _ = next(iter(run.validation.pieces(PROBE)))
        before = evaluated_logits(run.model, x)
        state.places[state.done].make_identity()
        _set_depth(run, state.done + 1)
        change = float((evaluated_logits(run.model, x) - before).abs().max())
        state.difference = max(state.difference, change)

    @override
    def check(self, run: Run[DeepeningState]) -> None:
        """Assert that the layers that have come are part of the network, and no others."""
        state = run.method_state
        present = [place.present for place in state.places]
        if present != [number < state.done for number in range(len(present))]:
            raise RuntimeError(f"{state.done} layers have come, the network has {present}")

    @override
    def measures(self, run: Run[DeepeningState]) -> Measures:
        """Return layers, costs and what births changed, as of layers that are widened."""
        state = run.method_state
        return {
            "sparsity": 0.0,
            "live_parameters": count_parameters(run.model),
            "layers_added": state.done,
            "growth_events": state.done,
            "training_operations": state.costs.total(state.updates, state.events),
            "birth_difference": state.difference,
        }

    @override
    def changes(self, run: Run[DeepeningState]) -> int:
        return run.method_state.done

    @override
    def unfinished(self, run: Run[DeepeningState]) -> bool:
        return run.method_state.done < self.schedule.layers

    @override
    def state_dict(self, run: Run[DeepeningState]) -> StateDict:
        state = run.method_state
        return {"updates": state.updates, "done": state.done, "difference": state.difference}

    @override
    def load_state_dict(self, run: Run[DeepeningState], state: StateDict) -> None:
        _set_depth(run, state["done"])
        run.method_state.updates = state["updates"]
        run.method_state.difference = state["difference"]


def _costs(run: Run[DeepeningState], places: list[IdentityPlace]) -> WideningCosts:
    """Return what all stages of the run cost; all `places` are left out then."""
    model = processes.wrapped(run.model)
    x, _ = next(iter(run.train.pieces(1)))
    updates = [count_operations(model, x[:1]).both]
    for place in reversed(places):
        place.leave_out()
        updates.append(count_operations(model, x[:1]).both)
    samples = len(run.train) / run.steps_per_epoch
    return WideningCosts(tuple(reversed(updates)), (0,) * len(places), samples)


def _set_depth(run: Run[DeepeningState], done: int) -> None:
    """Let the first `done` of the layers be there, in the network and in the optimizer."""
    state, optimizer = run.method_state, run.optimizer
    for number, (place, groups) in enumerate(zip(state.places, state.groups, strict=True)):
        parameters = list(place.layer.parameters())
        if number < done and not place.present:
            place.put_back()
            optimizer_state.replace_params(optimizer, [], parameters, groups)
        elif number >= done and place.present:
            place.leave_out()
            for parameter in parameters:
                optimizer_state.remove_param(optimizer, parameter)
    optimizer_state.sort_params(optimizer, run.model.parameters())
    state.done = done
