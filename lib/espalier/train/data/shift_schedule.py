"""When the distribution of the data shifts while a trial trains."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass

TASKS_ALIKE = ("permuted", "labels", "random_labels", "classes", "growing")
"""The kinds of shift whose tasks are of one kind, task after task."""


ShiftKind = Literal["none", "permuted", "labels", "random_labels", "classes", "growing", "return"]


@kconfig_dataclass
class ShiftPlan(RunSchedule):
    """The kind of shift and the length of its tasks."""

    kind: ShiftKind = symbol("SHIFT")
    task_epochs: int | None = symbol("SHIFT_EPOCHS")
    seed: int | None = symbol("SHIFT_SEED")
    share: float | None = symbol("SHIFT_SHARE")
    classes: int | None = symbol("SHIFT_CLASSES_OF_TASK")

    @override
    def check_epochs(self, epochs: int) -> None:
        """Raise CannotTrain if the epochs cannot be divided into tasks."""
        each = self.task_epochs or 1
        if self.kind in TASKS_ALIKE and (epochs % each or epochs == each):
            raise CannotTrain(
                "shift",
                f"CONFIG_NUM_EPOCHS={epochs}: must be two or more times CONFIG_SHIFT_EPOCHS="
                f"{each}, a whole number of tasks",
            )
        if self.kind == "return" and epochs <= 2 * each:
            raise CannotTrain(
                "shift",
                f"CONFIG_NUM_EPOCHS={epochs}: must be more than twice CONFIG_SHIFT_EPOCHS="
                f"{each}, so that there is an epoch after the return",
            )
