"""The final metrics of a trial that is complete."""

from __future__ import annotations

import torch

from espalier.core.contracts import Run
from espalier.core.self_measuring import Measures, SelfMeasuring, count_parameters
from espalier.core.trial import Record
from espalier.train.engine import gpu_trace
from espalier.train.engine.task_sequence import last_task
from espalier.train.engine.trainer import Trainer


def final_measures(trainer: Trainer, history: list[Record], test: tuple[float, float]) -> Record:
    """Return the final measures; `test` is loss and accuracy on the test data."""
    run, kept = trainer.run, {}
    if trainer.stopping:
        kept = {"kept_epoch": trainer.stopping.epoch}
    last = history[kept.get("kept_epoch", 0) - 1]
    best = max(last_task(history), key=lambda record: float(record["val_acc"]))
    total = count_parameters(run.model)
    measures: Record = {
        "train_loss": last["train_loss"],
        "val_loss": last["val_loss"],
        "val_acc": last["val_acc"],
        "best_val_acc": best["val_acc"],
        "best_epoch": best["epoch"],
        "test_loss": test[0],
        "test_acc": test[1],
        "final_sparsity": last["sparsity"],
        "parameters": total,
        "live_parameters": total,
        "epochs": run.epoch,
        **kept,
        "steps": run.step,
        **run.method.measures(run),
        **connectivity(run),
        **_explored(run),
        **_chance(run.validation.y),
        **(run.costs.measures(run) if run.costs else {}),
        "total_time": sum(float(record["seconds"]) for record in history),
        **gpu_trace.final_measures(history),
    }
    return measures | efficiency(history, float(measures["live_parameters"]))


def efficiency(history: list[Record], parameters: float) -> Record:
    """Return the epoch of the least validation loss, and what it took: parameters times epochs.

    Source: the efficiency score of Chavlis and Poirazi 2025, Nature Communications 16:943, whose
    logarithm divides accuracies there; of tasks that follow each other, the last one's epoch.
    """
    least = min(last_task(history), key=lambda record: float(record["val_loss"]))
    epoch = int(least["epoch"])
    return {"min_loss_epoch": epoch, "cost_to_min_loss": parameters * epoch}


def connectivity(run: Run) -> Measures:
    """Return measures of the network's connectivity: from the model, or else the method."""
    if isinstance(run.model, SelfMeasuring):
        return run.model.connectivity()
    return run.method.connectivity(run)


def _explored(run: Run) -> Measures:
    """Return the share of the weights that can be masked that were live in some update.

    Source: R_s of Liu et al. 2021, arXiv:2102.02887, section 3.
    """
    return {} if run.masks is None else {"explored_share": run.masks.explored_share}


def _chance(labels: torch.Tensor) -> Record:
    """Return the number of validation labels, and the share of the most frequent in percent."""
    majority = int(torch.bincount(labels.flatten()).max())
    return {"val_samples": labels.numel(), "val_majority": 100.0 * majority / labels.numel()}
