"""The arms of the published dendritic networks: their sizes, and each trial in one of them."""

from __future__ import annotations

import dendrites_published
import pytest

from espalier.core.samples import SampleShape
from espalier.kconfig.config_dataclass import with_defaults
from espalier.models.dendritic_ann import DendriticAnn
from espalier.plan.planning import plan_from_rows

MNIST = SampleShape(1, 28, 28, 10)
SIZES = {
    "dANN-R": 5_322,  # 256 * 17, 256 + 64, 65 * 10
    "dANN-GRF": 5_322,
    "dANN-LRF": 5_322,
    "pdANN": 201_930,  # 256 * 785, 256 + 64, 65 * 10
    "sANN": 5_322,
    "sANN-LRF": 5_322,
    "vANN": 218_058,  # 256 * 785, 257 * 64, 65 * 10
    "vANN-LRF": 21_450,  # 256 * 17, 257 * 64, 65 * 10
    "vANN of as many parameters": 5_631,  # 7 * 785, 8 * 7, 8 * 10
}


def test_sizes_counted_by_hand() -> None:
    for arm, row in dendrites_published.ARMS.items():
        own = {name.removeprefix("DENDRITIC_ANN_").lower(): text for name, text in row.items()}
        kind = own.pop("kind")
        sizes = {name: int(text) for name, text in own.items()}
        spec = with_defaults(DendriticAnn, kind=kind, **sizes)
        assert spec.parameters(MNIST) == SIZES[arm]


@pytest.mark.parametrize("part", dendrites_published.PARTS)
def test_each_trial_is_of_the_arm_that_it_was_planned_for(part: str) -> None:
    base = {**dendrites_published.BASE, **dendrites_published.PARTS[part].row, "SEED": "1"}
    plan = plan_from_rows(base, list(dendrites_published.ARMS.values()))
    arms = [dendrites_published.arm_of(trial) for trial in plan.trials]
    assert arms == list(dendrites_published.ARMS)
    assert all(a in arms and b in arms for a, b in dendrites_published.PAIRS)
