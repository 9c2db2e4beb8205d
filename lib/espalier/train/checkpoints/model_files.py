"""A trained model in one file: weights, what builds it, its preprocessing, and a proof of both.

The proof are raw samples with the logits that they gave, in float64: whoever reads the file finds
out whether the model and everything before it still compute the same.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from espalier.core import revision
from espalier.core.component import KINDS, symbol
from espalier.core.contracts import CannotTrain, Run, SampleShape
from espalier.core.trial import Task
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.surgery.probe import evaluating
from espalier.train.checkpoints import tensor_files
from espalier.train.data.preprocessing import Preprocessing, raw_splits
from espalier.train.data.splits import Data
from espalier.train.data.task_sequence import TaskSequence

FORMAT = "espalier model 1"
FILE = "model.pt"
PROBES = 32  # raw samples that are kept with their logits
CLOSE = 1e-6  # how near the logits of a model that was read must be


@kconfig_dataclass
class Saving:
    """Whether a trial leaves its model; None stands for no."""

    wanted: bool | None = symbol("SAVE_MODEL")

    def check(self, data: Data) -> None:
        """Raise CannotTrain if a model for such data could not be told from a wrong one."""
        images = isinstance(data.shape, SampleShape) and type(data.course) is TaskSequence
        if self.wanted and not images:
            raise CannotTrain(
                "save_model",
                "CONFIG_SAVE_MODEL=y: a model can be saved that was trained on images, on the "
                "same ones throughout; set CONFIG_SAVE_MODEL=n",
            )

    def save(self, task: Task, run: Run, data: Data) -> None:
        """Leave the model of a run that is over in the trial's folder; it is on the CPU then."""
        if self.wanted:
            tensor_files.write(task.directory / FILE, record(task, run, data))


def record(task: Task, run: Run, data: Data) -> dict[str, Any]:
    """What the file holds."""
    raw = raw_splits(data.request, task.trial.config[KINDS["dataset"][1]])
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
        "probe": {"x": probe, "logits": exact_logits(model, preprocessing, probe)},
        "code": revision.code().as_json(),
        "versions": revision.versions(),
    }


@torch.no_grad()
def exact_logits(model: nn.Module, preprocessing: Preprocessing, raw: Tensor) -> Tensor:
    """Logits (n, classes), float64, of raw samples; the model is in evaluation mode meanwhile.

    Computed in float64, so that they are the same on every machine.
    """
    kinds = [t.dtype for t in (*model.parameters(), *model.buffers())]
    with evaluating(model):
        found: Tensor = model.double()(preprocessing.preparation(raw).double())
    for tensor, kind in zip((*model.parameters(), *model.buffers()), kinds, strict=True):
        tensor.data = tensor.data.to(kind)  # what was float32 comes back bit for bit
    return found
