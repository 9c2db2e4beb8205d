"""Whether there are gradients to judge neurons by, or they were cleared too early."""

from __future__ import annotations

from torch import nn

from espalier.methods.apoptosis.neurons.fitness import READ_GRADIENTS, FitnessMetric


def check_gradients(model: nn.Module, metric: FitnessMetric) -> None:
    """Raise ValueError if `metric` reads gradients and all of `model` are missing or 0.

    All neurons would be equally unfit then, and the first of each layer die. Of one layer they may
    all be 0, as behind an output that begins at 0; of a whole model they are not.
    """
    if metric not in READ_GRADIENTS:
        return
    gradients = (p.grad for p in model.parameters() if p.grad is not None)
    if not any(bool(gradient.any()) for gradient in gradients):
        raise ValueError(
            f"fitness_metric={metric!r}: all gradients are missing or 0: call manager.step() "
            "between optimizer.step() and zero_grad()"
        )
