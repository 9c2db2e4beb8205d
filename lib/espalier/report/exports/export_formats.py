"""The formats that a sweep is exported to."""

from __future__ import annotations

from typing import NamedTuple

from espalier.core.paths import INSTALLED


class Tracker(NamedTuple):
    """A tool: the class that writes its runs, its package, and how to look.

    `look` is a command with the folder in place of {}.
    """

    module: str
    writer: str
    package: str
    look: str


CSV = "csv"
BIN = "" if INSTALLED else ".venv/trackers/bin/"
"""Where the programs of the tools are: in a checkout in an environment of their own."""
TRACKERS = {
    "tensorboard": Tracker(
        "tensorboard_writer", "TensorboardWriter", "tensorboard", BIN + "tensorboard --logdir {}"
    ),
    "mlflow": Tracker(
        "mlflow_writer",
        "MlflowWriter",
        "mlflow",
        "mlflow ui --backend-store-uri sqlite:///{}/mlflow.db",
    ),
    "trackio": Tracker(
        "trackio_writer", "TrackioWriter", "trackio", f"TRACKIO_DIR={{}} {BIN}trackio show"
    ),
    "wandb-offline": Tracker(
        "wandb_writer", "WandbWriter", "wandb", BIN + "wandb sync {}/wandb/offline-run-*"
    ),
}
FORMATS = (*TRACKERS, CSV)
