"""A tournament of actions: each is tried, trained for a while, judged, and rolled back bit for bit.

Only the edges that an action adds are trained when it is tried, so that it cannot take the credit
for what the rest of the network would have learned anyway. It is judged by its gain in cross
entropy on validation samples, each before and after. Doing nothing wins unless an action gains
more than a minimum, and more than chance allows for the number of actions that were tried.

Source: Wu et al. 2020, "Firefly neural architecture descent", arXiv 2102.08574, for training the
new parts alone and choosing afterwards.
Differs: all actions of all kinds compete, by their gain for each live edge they add. The
earlier code measured gains from after the damage that its own surgery had done, took no account of
size, and always chose an action.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from statistics import NormalDist
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.core.component import symbol
from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.growth.growth_actions import (
    NEED_GRAPH,
    SKIP,
    ActionCandidate,
    candidates,
    toolbox,
)
from espalier.methods.growth.measurement.information import LabelProbe
from espalier.methods.growth.structure.edge_editor import EdgeEditor
from espalier.methods.growth.timing.growth_state import GrowthState
from espalier.surgery.probe import evaluating
from espalier.train.engine.losses import mean_losses, widen_float

Batch: TypeAlias = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class TournamentEntry:
    """The outcome of an action: `added` edges that came, and nats a sample gained, +/- `error`."""

    candidate: ActionCandidate
    added: int
    gain: float
    error: float
    seed: int

    @property
    def worth(self) -> float:
        """Nats a sample gained for each edge that came."""
        return self.gain / self.added if self.added > 0 else 0.0

    def p_value(self, min_gain: float = 0.0) -> float:
        """Return the p-value, one-sided and normal, of the gain being `min_gain` or less.

        `min_gain` is in nats a sample for each 1,000 edges.
        """
        beyond = self.gain - min_gain * self.added / 1000
        return 1 - NormalDist().cdf(beyond / self.error) if self.error > 0 else 1.0


@kconfig_dataclass
class ActionSpace:
    """The actions that compete, of about `size` edges; `skips`: skip blocks too.

    With `actions` all there are patches, clones, highways and rewiring besides.
    """

    size: int = symbol("TOURNAMENT_EDGES")
    skips: bool | None = symbol("TOURNAMENT_SKIPS")  # None where nothing can lead past a layer
    actions: Literal["basic", "all"] = symbol("TOURNAMENT_ACTIONS")

    def candidates(self, run: Run[GrowthState], max_edges: int) -> list[ActionCandidate]:
        """Return the actions of at most `max_edges` edges, where that is certain beforehand."""
        size = min(self.size, max_edges)
        basic = [c for c in candidates(run, size) if self.skips or c.action != SKIP]
        return basic if self.actions == "basic" else [*basic, *toolbox(run, size)]

    def left_out(self, editor: EdgeEditor) -> str:
        """Return the actions that a network has no graph for, with blanks between."""
        return "" if editor.has_graph else " ".join(NEED_GRAPH[self.actions])

    def act_at_random(self, run: Run[GrowthState], max_edges: int) -> None:
        """Do a possible action that adds at most `max_edges` edges, each equally likely."""
        actions, editor = self.candidates(run, max_edges), run.method_state.editor
        for place in torch.randperm(len(actions), generator=run.generators["method"]).tolist():
            operations, change = len(editor.events), actions[place].act()
            if change is not None and 0 < _added(editor, operations) <= max_edges:
                return
            if change is not None:
                change.roll_back()


class _Trial(NamedTuple):
    """Batches to train on, the seed of the judge, and the samples' losses before, for all."""

    batches: Sequence[Batch]
    judge_seed: int
    losses: Tensor


@kconfig_dataclass
class TournamentOptions:
    """The rules of a tournament. `steps`: updates of the new edges when an action is tried.

    `judge`: `information` fits a probe to the logits, so that what the output layer has not
    learned to use counts too; `loss` takes the network's own. `level`: the share of tournaments
    that noise may win. `min_gain`: nats a sample for each 1,000 edges, below which nothing wins.
    """

    steps: int = symbol("TOURNAMENT_STEPS")
    judge: Literal["information", "loss"] = symbol("TOURNAMENT_JUDGE")
    level: float = symbol("TOURNAMENT_LEVEL")
    min_gain: float = symbol("TOURNAMENT_GAIN")

    def try_all(
        self, run: Run[GrowthState], candidates: Sequence[ActionCandidate]
    ) -> list[TournamentEntry]:
        """Try every action that is possible; the run is left as it was, bit for bit.

        But for `run.generators["method"]`, which advances by the same amount whatever happens.
        """
        seeds = torch.randint(2**62, (len(candidates) + 2,), generator=run.generators["method"])
        *own, batch_seed, judge_seed = seeds.tolist()
        losses = self._losses(run, judge_seed)
        trial = _Trial(_draw_batches(run, self.steps, batch_seed), judge_seed, losses)
        entries = (self._try(run, *pair, trial) for pair in zip(candidates, own, strict=True))
        return [entry for entry in entries if entry is not None]

    def _try(
        self, run: Run[GrowthState], candidate: ActionCandidate, seed: int, trial: _Trial
    ) -> TournamentEntry | None:
        editor = run.method_state.editor
        operations = len(editor.events)
        with seeded(run, seed):
            change = candidate.act()
        if change is None:
            return None
        added = _added(editor, operations)
        train_newborn(run, trial.batches)
        gains = trial.losses - self._losses(run, trial.judge_seed)
        change.roll_back()
        error = float(gains.std()) / len(gains) ** 0.5
        return TournamentEntry(candidate, added, float(gains.mean()), error, seed)

    def winner(self, entries: Sequence[TournamentEntry], max_edges: int) -> TournamentEntry | None:
        """Return the entry with the highest worth among those that gain enough; None: nothing wins.

        Gains count if they are above `min_gain` at `level`, corrected by Holm's rule for their
        number, and if they add no more than `max_edges` edges. Of equals the cheaper wins.
        """
        ranked = sorted((entry.p_value(self.min_gain), i) for i, entry in enumerate(entries))
        significant = list[TournamentEntry]()
        for done, (p, place) in enumerate(ranked):
            if p * (len(ranked) - done) > self.level:
                break
            significant.append(entries[place])
        affordable = [entry for entry in significant if 0 < entry.added <= max_edges]
        return max(affordable, key=lambda e: (e.worth, -e.added), default=None)

    def _losses(self, run: Run, seed: int) -> Tensor:
        """Return the cross entropy of each validation sample: (samples,) float64."""
        run.count_passes(len(run.validation), 0)
        with evaluating(run.model), torch.no_grad():
            pieces = [run.model(x) for x, _ in run.validation.pieces(2048)]
        logits = widen_float(torch.cat(pieces)).double().flatten(0, -2)  # of text, every place
        y = run.validation.y.flatten()
        if self.judge == "loss":
            return F.cross_entropy(logits, y, reduction="none")
        return LabelProbe().losses(logits, y, torch.Generator().manual_seed(seed))


def _added(editor: EdgeEditor, operations: int) -> int:
    """Return the edges that came in all operations but the first `operations`."""
    return sum(event.added for event in editor.events[operations:])


def _draw_batches(run: Run, count: int, seed: int) -> list[Batch]:
    """Return batches of training samples, each sample at most once in a pass."""
    generator, train = torch.Generator().manual_seed(seed), run.train
    batches: list[Batch] = []
    while len(batches) < count:
        order = torch.randperm(len(train), generator=generator)
        batches += islice(train.batches(order[None], run.batch_size), count - len(batches))
    return batches


@contextmanager
def seeded(run: Run, seed: int) -> Iterator[None]:
    """Seed the method's generator, and restore its state in the end."""
    generator = run.generators["method"]
    state = generator.get_state()
    generator.manual_seed(seed)
    try:
        yield
    finally:
        generator.set_state(state)


def apply(run: Run[GrowthState], entry: TournamentEntry) -> None:
    """Do an entry's action for good; the weights that it learned when tried are not kept."""
    with seeded(run, entry.seed):
        entry.candidate.act()


def train_newborn(run: Run[GrowthState], batches: Sequence[Batch]) -> None:
    """Update the edges and units born in the present step, by the run's own optimizer.

    Biases of older units stay, also where all edges are new.
    """
    editor = run.method_state.editor
    fixed = [(p, editor.older(p)) for p in run.model.parameters()]
    for x, y in batches:
        run.optimizer.zero_grad()
        run.count_passes(len(x), len(x))
        with evaluating(run.model):  # no random numbers, and running statistics stay
            torch.autograd.backward(mean_losses(run.model(x), y, 1).sum())
        editor.before_step()
        kept = [parameter.detach().clone() for parameter, _ in fixed]
        run.optimizer.step()
        if editor.restarts is not None:
            editor.restarts.after_step()
        with torch.no_grad():
            for (parameter, old), value in zip(fixed, kept, strict=True):
                parameter.copy_(torch.where(old, value, parameter))


def record(step: int, entry: TournamentEntry, p: float, won: bool) -> dict[str, Any]:
    """Return an entry's line of the table of tournaments."""
    return {
        "step": step,
        "action": entry.candidate.action,
        "where": entry.candidate.where,
        "added": entry.added,
        "gain": entry.gain,
        "error": entry.error,
        "worth": entry.worth,
        "p": p,
        "won": int(won),
    }
