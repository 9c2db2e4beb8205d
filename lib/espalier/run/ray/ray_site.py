"""A Ray cluster as the machines of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.texts.count_text import count_text
from espalier.run import devices
from espalier.run.admission import MIB
from espalier.run.entries import worker_memory
from espalier.run.executor_choice import Placement, Workload
from espalier.run.pool import Executor
from espalier.run.ray import cluster
from espalier.run.ray.cluster_slots import ClusterNode, SlotNeed
from espalier.run.ray.kept_cluster import kept
from espalier.run.ray.runtime_env import Shipment, named, staged
from espalier.run.workers import fork_servers

ACTOR = 48 * MIB
"""Bytes that a process of Ray takes beside the workers of its slot: 47 MiB measured."""


@contextmanager
def opened(placement: Placement, work: Workload) -> Iterator[RaySite]:
    """Join a cluster, or start one of this machine, unless it is kept. Raises UserError."""
    cluster.check_address(placement.address)
    fork_servers.drop()
    cores = max(devices.cores(), work.parallel * work.threads * work.ranks)
    key = (placement.address, cores, *named(work.settings, work.entry))
    with kept(key, partial(_joined, placement.address, cores, work)) as shipment:
        yield RaySite(placement, work, shipment)


@contextmanager
def _joined(address: str, cores: int, work: Workload) -> Iterator[Shipment]:
    """Join a cluster that is given what the work needs, and say which it is."""
    with (
        staged(work.settings, work.entry) as shipment,
        cluster.joined(address, cores, shipment.runtime_env),
    ):
        print(cluster.describe(address), flush=True)
        yield shipment


class RaySite:
    """The nodes of a cluster that has been joined."""

    def __init__(self, placement: Placement, work: Workload, shipment: Shipment) -> None:
        """Choose between CPUs and GPUs. Raises UserError if the trials need what no node has."""
        self._work, self._shipment = work, shipment
        self._need = need_of(placement, work, cluster.nodes())

    def start(self, trials: int, folder: Path) -> Executor:
        """Start a slot for each of so many trials, as far as there is room on the nodes."""
        import ray

        from espalier.run.ray.courier import Courier
        from espalier.run.ray.ray_actors import RayActors
        from espalier.run.ray.ray_executor import RayExecutor

        del folder
        work = self._work
        actors = RayActors(work.entry, self._shipment.places, self._need, work.ranks)
        limit = min(trials, work.parallel or trials)
        return RayExecutor(actors, Courier(ray.put), cluster.nodes, self._need, limit)

    def describe(self, executor: Executor) -> str:
        """Return how many trials run at a time, on what, and on how many nodes."""
        count = count_text(sum(self._need.room(node) > 0 for node in cluster.nodes()), "node")
        what = "GPUs" if self._need.gpus else "CPUs"
        return f"{executor.capacity} at a time on the {what} of {count} of a Ray cluster"


def need_of(placement: Placement, work: Workload, nodes: Sequence[ClusterNode]) -> SlotNeed:
    """Return what a trial at a time takes. Raises UserError if a GPU is required and there is none.

    With CONFIG_DEVICE_AUTO that is a GPU if any node has one, so that all trials compute on alike
    devices.
    """
    device = work.settings["DEVICE"]
    gpus = any(node.resources.get("GPU") for node in nodes)
    if device == "cuda" and not gpus:
        rule = "no node of the cluster has a GPU; set CONFIG_DEVICE_AUTO=y"
        raise UserError(f"CONFIG_DEVICE_CUDA=y: {rule}")
    share = placement.gpu_share if work.ranks == 1 else float(work.ranks)
    if share > 1 > placement.gpu_share:
        rule = f"CONFIG_DEVICES_PER_TRIAL={work.ranks} takes whole GPUs; leave one of them out"
        raise UserError(f"GPU_SHARE={placement.gpu_share:g}: {rule}")
    on_gpu = gpus and device != devices.CPU
    memory = ACTOR + worker_memory(work.entry, not on_gpu).of(work.ranks)
    return SlotNeed(work.threads * work.ranks, memory, share if on_gpu else 0.0)
