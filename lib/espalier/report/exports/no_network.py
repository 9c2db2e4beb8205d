"""No network for this process: libraries that want to report home cannot.

Each tool has settings for that, and they are set. Behind them stands an audit hook of Python, which
no library can take away again, and which refuses every connection and every look-up of a name.
"""

from __future__ import annotations

import os
import sys
from typing import Any

SETTINGS = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_TRUNCATE_LONG_VALUES": "false",
    "WANDB_MODE": "offline",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_SILENT": "true",
    "WANDB_DISABLE_GIT": "true",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "TRACKIO_SHOW_WARNING": "0",
    "OTEL_SDK_DISABLED": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""What keeps the tools offline and silent, by their own documentation."""
TELLING = ("MLFLOW_", "WANDB_", "TRACKIO_", "HF_", "OTEL_", "GRADIO_", "SPACE_")
"""What variables begin with that could send an export elsewhere, or make it another one."""
REFUSED = frozenset(
    {
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "socket.sendto",
        "socket.sendmsg",
        "socket.bind",
    }
)


class NetworkRefusedError(PermissionError):
    """Something in this process tried to reach the network."""


def offline_environment(given: dict[str, str]) -> dict[str, str]:
    """Return an environment in which the tools stay offline, whatever the user's says."""
    return {k: v for k, v in given.items() if not k.startswith(TELLING)} | SETTINGS


def refuse_network() -> None:
    """Make every connection of this process an error, until it ends."""
    os.environ.update(SETTINGS)
    sys.addaudithook(_refuse)


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event in REFUSED:
        raise NetworkRefusedError(f"an export reaches no network ({event})")
