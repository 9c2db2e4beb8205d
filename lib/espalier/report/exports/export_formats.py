"""The formats that a sweep is exported to."""

from __future__ import annotations

from typing import NamedTuple


class Tracker(NamedTuple):
    """A tool with an environment of its own: the class that writes its runs, and how to look.

    `look` is a command with the folder in place of {}.
    """

    module: str
    writer: str
    look: str


CSV = "csv"
TRACKERS = {
    "tensorboard": Tracker(
        "tensorboard_writer", "TensorboardWriter", ".venv/trackers/bin/tensorboard --logdir {}"
    ),
    "mlflow": Tracker(
        "mlflow_writer", "MlflowWriter", "mlflow ui --backend-store-uri sqlite:///{}/mlflow.db"
    ),
    "trackio": Tracker(
        "trackio_writer", "TrackioWriter", "TRACKIO_DIR={} .venv/trackers/bin/trackio show"
    ),
    "wandb-offline": Tracker(
        "wandb_writer", "WandbWriter", ".venv/trackers/bin/wandb sync {}/wandb/offline-run-*"
    ),
}
FORMATS = (*TRACKERS, CSV)
