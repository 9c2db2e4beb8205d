"""What a trial at a time takes of a cluster."""

from __future__ import annotations

import pytest
from fake_sweep import trial
from scripted_actors import node

from espalier.core.errors import UserError
from espalier.run.admission import WORKER
from espalier.run.executor_choice import RAY, Placement, Workload
from espalier.run.ray.cluster_slots import SlotNeed
from espalier.run.ray.ray_site import ACTOR, need_of

ONE = ACTOR + WORKER.of(1)
WITHOUT, WITH = [node("a")], [node("a"), node("b", gpus=4)]


def work(device: str = "auto", **config: str) -> Workload:
    return Workload("fake_entry:train", {"DEVICE": device}, [trial(1, **config)], 0, False)


def need(share: float, given: Workload, nodes: list[object]) -> SlotNeed:
    return need_of(Placement(RAY, "", share), given, nodes)  # type: ignore[arg-type]


def test_a_gpu_is_taken_where_any_node_has_one() -> None:
    assert need(1.0, work(), WITHOUT) == SlotNeed(1, ONE, 0.0)
    assert need(1.0, work(), WITH) == SlotNeed(1, ONE, 1.0)
    assert need(0.25, work("cuda"), WITH) == SlotNeed(1, ONE, 0.25)
    assert need(1.0, work("cpu"), WITH) == SlotNeed(1, ONE, 0.0)


def test_threads_and_devices_of_a_trial_are_counted() -> None:
    assert need(1.0, work(CPU_THREADS="4"), WITHOUT) == SlotNeed(4, ONE, 0.0)
    two = work(DEVICES_PER_TRIAL="2", CPU_THREADS="4")
    assert need(1.0, two, WITH) == SlotNeed(8, ACTOR + WORKER.of(2), 2.0)


def test_a_gpu_that_no_node_has_is_refused() -> None:
    with pytest.raises(UserError, match="CONFIG_DEVICE_CUDA=y: no node of the cluster has a GPU"):
        need(1.0, work("cuda"), WITHOUT)


def test_parts_of_gpus_go_with_one_device_a_trial() -> None:
    with pytest.raises(UserError, match=r"GPU_SHARE=0.5: CONFIG_DEVICES_PER_TRIAL=2 takes whole"):
        need(0.5, work(DEVICES_PER_TRIAL="2"), WITH)
