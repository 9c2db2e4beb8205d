"""Which measures of fitness know what a neuron is worth: rank correlations with true ablation.

    python benchmarks/fitness_truth.py [--seeds 5] [--epochs 3]

Trains a small character transformer on prose with the real loop, once a seed, and then compares
each measure with the rise of the loss when a neuron is left out: Spearman's rank correlation over
the 256 neurons of a layer, on 64 validation windows that measure and truth both see. A figure's
values are those of the seeds, each a mean over the two layers. An inverted measure, `-name`, is a
control that a measure has to beat, and so is the random one.
"""

from __future__ import annotations

from collections.abc import Iterable

import measuring
import torch
from ablation import Row, averages, fitness_report
from measuring import Figure
from torch import Tensor

from espalier.core.contracts import Run
from espalier.core.trial import Task, Trial
from espalier.kconfig import assign
from espalier.kconfig.symbols import Symbols
from espalier.kconfig.tree import parse
from espalier.surgery.pairing.pairs import find_pairs
from espalier.train import worker_entry
from espalier.train.engine.losses import mean_losses
from espalier.train.loop import Loop

MODEL = {"CHARLM_WIDTH": "64", "CHARLM_LAYERS": "2", "CHARLM_HEADS": "4", "CHARLM_INNER": "256"}
WISHES = {"DATASET": "text", "TEXT_CONTEXT": "64", "LEARNING_RATE": "0.003", **MODEL}
SETTINGS = {
    "DEVICE": "cpu",
    "DATA_DIR": "data",
    "DATA_MEMORY": "0",
    "DATA_WORKERS": "0",
    "MICRO_BATCH": "0",
    "DOWNLOAD": "n",
    "DEBUG_CHECKS": "n",
}
WINDOWS = 64  # validation windows that neurons are judged on


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=3, help="of training (default: %(default)s)")
    args = parser.parse_args()
    reports: list[dict[str, float]] = []
    losses: list[float] = []
    for seed in range(1, args.seeds + 1):
        run, loss = trained(seed, args.epochs)
        losses.append(loss)
        reports.append(averages(judged(run, seed)))
        best, value = next(iter(reports[-1].items()))
        measuring.say(f"seed {seed}: validation loss {loss:.3f}, best {best} at {value:.2f}")
    figures = [Figure(name, [report[name] for report in reports], "rho") for name in reports[0]]
    figures.sort(key=lambda figure: -figure.value)
    steps = f"{run.step} steps of {run.batch_size} windows, {WINDOWS} windows to judge on"
    measuring.tell(args, [*figures, Figure("validation loss", losses, "nats")], [steps])


def trained(seed: int, epochs: int) -> tuple[Run, float]:
    """A run at its end, and its validation loss."""
    wishes = {**WISHES, "SEED": str(seed), "NUM_EPOCHS": str(epochs)}
    trial = Trial(1, "config_001", "", effective(wishes))
    trainer, _ = worker_entry.prepare(Task.single(trial, SETTINGS, None))
    ((_, last),) = list(Loop([trainer]).epochs())[-1:]
    if isinstance(last, Exception):
        raise last
    return trainer.run, float(last["val_loss"])


def effective(wishes: dict[str, str]) -> dict[str, str]:
    """The whole configuration under `wishes`."""
    symbols = Symbols(parse())
    for name, value in wishes.items():
        assign.put(symbols, name, value)
    return assign.effective_config(symbols, symbols.identity)


def judged(run: Run, seed: int) -> Iterable[Row]:
    """The report on validation windows spread over the whole of them."""
    chosen = torch.linspace(0, len(run.validation) - 1, WINDOWS).long()
    batch = run.validation.x[chosen], run.validation.y[chosen]
    generator = torch.Generator().manual_seed(seed)
    return fitness_report(run.model, find_pairs(run.model), by_sample, batch, generator)


def by_sample(out: Tensor, y: Tensor) -> Tensor:
    """Losses (n,) from logits (n, context, vocabulary)."""
    return mean_losses(out, y, len(y))


if __name__ == "__main__":
    main()
