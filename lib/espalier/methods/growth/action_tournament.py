"""A tournament of actions: each is tried, trained for a while, judged, and taken back bit for bit.

Only what an action has added is trained in its trial, so that it cannot take the credit for what
the rest of the network would have learned anyway. It is judged by how much better validation
samples are told, sample by sample, before and after; doing nothing wins unless one gains
more than is too little, and than chance allows for so many that were tried.

Source: Wu et al. 2020, "Firefly neural architecture descent", arXiv 2102.08574, for training what
is new alone and choosing afterwards.
Differs: all actions of all kinds compete, by what they gain for each live edge they add. The
earlier code measured gains from after the damage that its own surgery had done, took no account of
size, and had nobody do nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.core.component import symbol
from espalier.core.contracts import Run, Split
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.growth.growth_actions import SKIP, Candidate, candidates
from espalier.methods.growth.measurement.information import LabelProbe
from espalier.methods.growth.structure.network_editor import NetworkEditor
from espalier.methods.growth.timing.growth_state import GrowthState
from espalier.surgery.probe import evaluating
from espalier.train.engine.losses import mean_losses, widen_float

Batch: TypeAlias = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class TournamentEntry:
    """What came of trying an action: `added` live edges, and nats a sample gained, +/- `error`."""

    candidate: Candidate
    added: int
    gain: float
    error: float
    seed: int

    @property
    def worth(self) -> float:
        """Nats a sample gained for each live edge."""
        return self.gain / self.added if self.added > 0 else 0.0

    def p(self, least: float = 0.0) -> float:
        """How likely so large a gain is if it is `least` nats for each 1,000 edges, or less.

        One-sided, by the normal law.
        """
        beyond = self.gain - least * self.added / 1000
        return 1 - NormalDist().cdf(beyond / self.error) if self.error > 0 else 1.0


@kconfig_dataclass
class ActionSpace:
    """Who takes part: actions of about `size` edges; `skips`: blocks that lead past a layer too."""

    size: int = symbol("TOURNAMENT_EDGES")
    skips: bool = symbol("TOURNAMENT_SKIPS")

    def actions(self, run: Run[GrowthState], most: int) -> list[Candidate]:
        """Those of at most `most` edges, where that can be known beforehand."""
        found = candidates(run, min(self.size, most))
        return [one for one in found if self.skips or one.action != SKIP]

    def anything(self, run: Run[GrowthState], most: int) -> None:
        """Do any of them that is possible and adds at most `most` edges, each as likely."""
        known, net = self.actions(run, most), run.method_state.net
        for place in torch.randperm(len(known), generator=run.generators["method"]).tolist():
            before, change = net.live, known[place].act()
            if change is not None and 0 < net.live - before <= most:
                return
            if change is not None:
                change.roll_back()


@dataclass(frozen=True)
class _Shared:
    """What all entrants share: what they train on, and how the samples were told before."""

    batches: Sequence[Batch]
    seed: int
    before: Tensor


@kconfig_dataclass
class TournamentOptions:
    """How actions are tried, and which of them has won. `steps`: updates of what is new.

    `judge`: `information` fits a probe to the logits, so that what the output layer has not
    learned to use counts too; `loss` takes the network's own. `level`: how often noise may win.
    `least`: nats a sample for each 1,000 edges that are too little to grow for.
    """

    steps: int = symbol("TOURNAMENT_STEPS")
    judge: Literal["information", "loss"] = symbol("TOURNAMENT_JUDGE")
    level: float = symbol("TOURNAMENT_LEVEL")
    least: float = symbol("TOURNAMENT_GAIN")

    def entrants(self, run: Run[GrowthState], tried: Sequence[Candidate]) -> list[TournamentEntry]:
        """Try every action that is possible; the run is left as it was, bit for bit.

        But for `run.generators["method"]`, of which as much is used whatever comes of it.
        """
        seeds = torch.randint(2**62, (len(tried) + 2,), generator=run.generators["method"])
        *own, for_batches, for_judge = seeds.tolist()
        before, batches = self._losses(run, for_judge), _batches(run, self.steps, for_batches)
        shared = _Shared(batches, for_judge, before)
        found = (self._entrant(run, *pair, shared) for pair in zip(tried, own, strict=True))
        return [entrant for entrant in found if entrant is not None]

    def _entrant(
        self, run: Run[GrowthState], one: Candidate, seed: int, shared: _Shared
    ) -> TournamentEntry | None:
        net = run.method_state.net
        before = net.live
        with seeded(run, seed):
            change = one.act()
        if change is None:
            return None
        added = net.live - before
        train_newborn(run, shared.batches)
        gains = shared.before - self._losses(run, shared.seed)
        change.roll_back()
        error = float(gains.std()) / len(gains) ** 0.5
        return TournamentEntry(one, added, float(gains.mean()), error, seed)

    def winner(self, entrants: Sequence[TournamentEntry], most: int) -> TournamentEntry | None:
        """That with the highest worth of those that gain enough; None: nothing is best.

        Gains count if they are above `least` at `level`, corrected by Holm's rule for their number,
        and they add no more than `most` edges. Of equals the cheaper wins.
        """
        ranked = sorted((one.p(self.least), place) for place, one in enumerate(entrants))
        real = list[TournamentEntry]()
        for done, (p, place) in enumerate(ranked):
            if p * (len(ranked) - done) > self.level:
                break
            real.append(entrants[place])
        affordable = [entrant for entrant in real if 0 < entrant.added <= most]
        return max(affordable, key=lambda e: (e.worth, -e.added), default=None)

    def _losses(self, run: Run, seed: int) -> Tensor:
        """(samples,) float64: how badly each validation sample is told."""
        with evaluating(run.model), torch.no_grad():
            pieces = [run.model(x) for x, _ in run.validation.pieces(2048)]
        logits, y = widen_float(torch.cat(pieces)).double(), run.validation.y
        if self.judge == "loss":
            return F.cross_entropy(logits, y, reduction="none")
        return LabelProbe().losses(logits, y, torch.Generator().manual_seed(seed))


def _batches(run: Run, count: int, seed: int) -> list[Batch]:
    """Batches of training samples, each sample at most once in a pass."""
    generator, train = torch.Generator().manual_seed(seed), run.train
    found: list[Batch] = []
    while len(found) < count:
        order = torch.randperm(len(train), generator=generator)
        found.extend(_some(train, order, run.batch_size, count - len(found)))
    return found


def _some(train: Split, order: Tensor, batch_size: int, most: int) -> Iterator[Batch]:
    for _, batch in zip(range(most), train.batches(order[None], batch_size), strict=False):
        yield batch


@contextmanager
def seeded(run: Run, seed: int) -> Iterator[None]:
    """Let everything that is random about growth be drawn from `seed`, and then go on as before."""
    generator = run.generators["method"]
    kept = generator.get_state()
    generator.manual_seed(seed)
    try:
        yield
    finally:
        generator.set_state(kept)


def apply(run: Run[GrowthState], entrant: TournamentEntry) -> None:
    """Do for good what an entrant did in its trial; what it learned there is not kept."""
    with seeded(run, entrant.seed):
        entrant.candidate.act()


def train_newborn(run: Run[GrowthState], batches: Sequence[Batch]) -> None:
    """Update what was born in the present step, and nothing else, by the run's own optimizer.

    Edges, and the biases of units; those of older units stay, also where all edges are new.
    """
    net = run.method_state.net
    ground = run.method_state.ground
    fixed = [(p, _old(ground, p)) for p in net.parameters()]
    for x, y in batches:
        run.optimizer.zero_grad()
        torch.autograd.backward(mean_losses(net(x), y, 1).sum())
        kept = [parameter.detach().clone() for parameter, _ in fixed]
        run.optimizer.step()
        if ground.restarts is not None:
            ground.restarts.after_step()
        with torch.no_grad():
            for (parameter, old), value in zip(fixed, kept, strict=True):
                parameter.copy_(torch.where(old, value, parameter))


def _old(ground: NetworkEditor, parameter: Tensor) -> Tensor:
    """Bool, of the parameter's shape: what was there before this step."""
    born = {unit for one in ground.events if one.step == ground.step for unit in one.units}
    for (_, node), block in ground.net.each():
        if block.weight is parameter:
            return block.births != ground.step
        if block.bias is parameter:
            old = [(node, unit) not in born for unit in range(block.outputs)]
            return torch.tensor(old, device=parameter.device)
    raise ValueError("a parameter of no block")


def record(step: int, entrant: TournamentEntry, p: float, won: bool) -> dict[str, Any]:
    """A line of the table of tournaments."""
    return {
        "step": step,
        "action": entrant.candidate.action,
        "where": entrant.candidate.where,
        "added": entrant.added,
        "gain": entrant.gain,
        "error": entrant.error,
        "worth": entrant.worth,
        "p": p,
        "won": int(won),
    }
