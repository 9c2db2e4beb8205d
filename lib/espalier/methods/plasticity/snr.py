"""SNR, self-normalized resets: a neuron begins anew when it is silent for longer than it ever is.

Source: Farias and Jozefiak 2024, Self-Normalized Resets for Plasticity in Continual Learning, arXiv
2410.20098, algorithm 1, with the thresholds of its code (`snr.py`): each neuron has one, which
adapts to the distribution of the times between its firings.
Differs: times are counted in updates, not in samples. Newborns are drawn with the deviation that
the layer's weights had at first, and under Adam have a step count of their own. As a control, as
many may begin anew at random in the same layer at the same update; a silence that goes on then
counts once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.plasticity.firing_hooks import FiringHooks
from espalier.methods.plasticity.firing_times import FiringTimes
from espalier.surgery import birth
from espalier.surgery.edit_context import EditContext
from espalier.surgery.init_distribution import InitDistribution, estimate_distribution
from espalier.surgery.pairing.pair_layers import by_output
from espalier.surgery.pairing.pairs import find_pairs
from espalier.surgery.restarts.per_slice_restart import restart_of
from espalier.surgery.restarts.restart_protocol import Restart


@dataclass
class Resets:
    """What each layer's neurons did so far, and how they are renewed."""

    hooks: FiringHooks
    restarts: Restart
    sites: list[EditContext]
    laws: list[InitDistribution]
    times: list[FiringTimes] = field(default_factory=list)
    count: int = 0


@kconfig_dataclass
class SelfNormalizedResets(Method[Resets]):
    """Renew neurons that were silent for as long as their threshold, which follows `percentile`.

    Thresholds begin at `first` updates and adapt every `period`, up to `longest`. With `victims`
    at random as many others of the layer are renewed, whoever they are.
    """

    packable: ClassVar[bool] = False  # neurons are observed by hooks on the modules

    percentile: float
    first: int
    period: int
    longest: int
    victims: Literal["silent", "random"]

    @override
    def attach(self, run: Run[Resets]) -> None:
        pairs = find_pairs(run.model)
        if not pairs:
            raise CannotTrain(
                "nothing_to_replace", "no two layers of the model follow each other as a pair"
            )
        restarts = restart_of(run.optimizer)
        sites = [EditContext(pair, run.optimizer, restarts=restarts) for pair in pairs]
        laws = [estimate_distribution(by_output(pair.producer)) for pair in pairs]
        times = [FiringTimes.begin(pair.size, self.first, self.longest) for pair in pairs]
        run.method_state = Resets(FiringHooks(pairs), restarts, sites, laws, times)

    @override
    @torch.no_grad()
    def after_step(self, run: Run[Resets]) -> None:
        state = run.method_state
        state.restarts.after_step()
        for site, law, times in zip(state.sites, state.laws, state.times, strict=True):
            times.note(state.hooks.take(site.pair).cpu())
            over = self._victims(times, run.generators["method"]).to(site.pair.device)
            if len(over):
                birth.fresh(site, over, run.generators["method"], law)
                state.count += len(over)
            if run.step % self.period == 0:
                times.adapt(self.percentile)

    def _victims(self, times: FiringTimes, stream: torch.Generator) -> Tensor:
        """Return the neurons to renew now, (m,): those overdue, or as many at random."""
        if self.victims == "silent":
            return times.take_overdue().nonzero().flatten()
        overdue = times.just_overdue()
        if not overdue.any():
            return overdue.nonzero().flatten()
        order = torch.randperm(len(overdue), generator=stream, device=stream.device)
        drawn = order[: int(overdue.sum())].cpu()
        times.renew(torch.zeros_like(overdue).index_fill(0, drawn, True))
        return drawn

    @override
    def measures(self, run: Run[Resets]) -> Measures:
        """Return how many neurons were renewed so far."""
        return {"resets": run.method_state.count}

    @override
    def state_dict(self, run: Run[Resets]) -> StateDict:
        state = run.method_state
        return {
            "times": [times.state_dict() for times in state.times],
            "restarts": state.restarts.state_dict(),
            "count": state.count,
        }

    @override
    def load_state_dict(self, run: Run[Resets], state: StateDict) -> None:
        here = run.method_state
        here.times = [FiringTimes.of(each) for each in state["times"]]
        here.restarts.load_state_dict(state["restarts"])
        here.count = state["count"]
