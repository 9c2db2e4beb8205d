"""Results of a control and of the arms that are compared with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from espalier.analysis.rank import TrialResult
from espalier.core.trial import Result, Status, Trial

PLAIN = {"METHOD": ["none"]}


def trial(number: int, seed: int, **swept: str) -> Trial:
    """A trial of one model with SEED and `swept` varied."""
    varied = {**swept, "SEED": str(seed)}
    return Trial(number, f"config_{number:03d}", str(number), {"MODEL": "mlp", **varied}, varied)


def history(losses: Sequence[float], seconds: float | None = None) -> list[dict[str, Any]]:
    """An epoch of ten steps a loss."""
    time = {} if seconds is None else {"seconds": seconds}
    return [
        {"epoch": n, "step": 10 * n, "val_loss": loss, **time} for n, loss in enumerate(losses, 1)
    ]


def run(
    item: Trial, losses: Sequence[float], seconds: float | None = 1.0, **more: Any
) -> TrialResult:
    """A trial that passed with these validation losses, epochs of so many seconds each."""
    measures = {"val_acc": 50.0, "val_loss": losses[-1], **more}
    return TrialResult(item, Result(Status.PASSED, "", "", measures, history(losses, seconds)), 1)


def arms() -> list[TrialResult]:
    """No method and one at two rates, two seeds each; an epoch of the method takes twice as long.

    At equal time it has done two of four epochs.
    """
    return [
        run(trial(1, 1, METHOD="none"), [2.0, 1.5, 1.2, 1.0]),
        run(trial(2, 2, METHOD="none"), [2.0, 1.5, 1.3, 1.25]),
        run(trial(3, 1, METHOD="turn", TURN_RATE="0.1"), [2.0, 1.4, 1.0, 0.75], 2.0),
        run(trial(4, 2, METHOD="turn", TURN_RATE="0.1"), [2.0, 1.65, 1.0, 0.5], 2.0),
        run(trial(5, 1, METHOD="turn", TURN_RATE="0.2"), [2.0, 1.5, 1.4, 1.3], 0.5),
        run(trial(6, 2, METHOD="turn", TURN_RATE="0.2"), [2.0, 1.5, 1.4, 1.2], 0.5),
    ]
