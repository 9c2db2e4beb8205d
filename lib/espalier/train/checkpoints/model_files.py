"""A trained model in one file: weights, what builds it, its preprocessing, and a proof of both.

The proof is a set of raw samples with their logits in float64: reading the file checks that the
model and its preprocessing still compute the same.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from espalier.core import revision
from espalier.core.component import KINDS, symbol
from espalier.core.contracts import Run
from espalier.core.errors import UserError
from espalier.core.samples import SampleShape
from espalier.core.trial import MODEL, Task
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.surgery.probe import evaluating
from espalier.train.checkpoints import tensor_files
from espalier.train.data.preprocessing import Preprocessing, load_raw_splits
from espalier.train.data.splits import Data
from espalier.train.engine.task_sequence import TaskSequence

FORMAT = "espalier model 1"
PROBES = 32  # raw samples that are kept with their logits
CLOSE = 1e-6  # how near the logits of a model that was read must be


@kconfig_dataclass
class ModelSaving:
    """Whether a trial saves its model; None stands for no."""

    enabled: bool | None = symbol("SAVE_MODEL")

    def check(self, data: Data) -> None:
        """Raise UserError if a model for such data could not be verified when read."""
        images = isinstance(data.shape, SampleShape) and type(data.tasks) is TaskSequence
        if self.enabled and not images:
            raise UserError(
                "CONFIG_SAVE_MODEL=y: a model can be saved that was trained on images, on the "
                "same ones throughout; set CONFIG_SAVE_MODEL=n",
            )

    def save(self, task: Task, run: Run, data: Data) -> None:
        """Write the model of a finished run into the trial's folder; it is moved to the CPU."""
        if self.enabled:
            tensor_files.write(task.directory / MODEL, model_record(task, run, data))


def model_record(task: Task, run: Run, data: Data) -> dict[str, Any]:
    """Return the content of the file."""
    raw = load_raw_splits(data.request, task.trial.config[KINDS["dataset"][1]])
    model, probe = run.model.cpu(), raw.splits[1].x[:PROBES].clone()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    preprocessing = raw.preprocessing
    return {
        "format": FORMAT,
        "config": dict(task.trial.config),
        "settings": dict(task.settings),
        "shape": dataclasses.asdict(data.shape),
        "state": state,
        "method": run.method.state_dict(run),
        "preprocessing": preprocessing.as_json(),
        "fingerprint": preprocessing.fingerprint,
        "data_fingerprint": data.fingerprint,
        "probe": {"x": probe, "logits": compute_exact_logits(model, preprocessing, probe)},
        "code": revision.code().as_json(),
        "versions": revision.versions(),
    }


@torch.no_grad()
def compute_exact_logits(model: nn.Module, preprocessing: Preprocessing, raw: Tensor) -> Tensor:
    """Return logits (n, classes), float64, of raw samples, computed in evaluation mode.

    Computed in float64, so that they are the same on every machine.
    """
    kinds = [t.dtype for t in (*model.parameters(), *model.buffers())]
    with evaluating(model):
        logits: Tensor = model.double()(preprocessing.preparation(raw).double())
    for tensor, kind in zip((*model.parameters(), *model.buffers()), kinds, strict=True):
        tensor.data = tensor.data.to(kind)  # what was float32 comes back bit for bit
    return logits
