"""Actors of Ray on nodes: the one module that starts, calls and ends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import (
    ActorUnschedulableError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    RuntimeEnvSetupError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from espalier.run.devices import CPU
from espalier.run.ray.cluster_slots import ClusterNode, SlotNeed
from espalier.run.ray.node_home import NodeHome
from espalier.run.ray.remote_slot import ActorFaultError, ActorLostError
from espalier.run.ray.slot_actor import SlotActor
from espalier.run.workers.worker import OOM
from espalier.store.attempt import INTERRUPTED


class RaySlotActor(SlotActor):
    """A slot in a process of Ray, on the GPUs that Ray gave to it, or else on the CPU."""

    def __init__(self, entry: str, places: Mapping[str, str], ranks: int, beside: int) -> None:
        """Start the worker; `places` are those of a `Shipment`."""
        gpus = ray.get_runtime_context().get_accelerator_ids().get("GPU", [])
        device = ",".join(gpus or [CPU] * ranks)
        super().__init__(entry, NodeHome(places, ray.get), device, beside)


@dataclass(frozen=True)
class RayActors:
    """The actors of a sweep, and what they have in common."""

    entry: str
    places: Mapping[str, str]
    need: SlotNeed
    ranks: int

    def start(self, node: ClusterNode) -> Any:
        """Return the handle of an actor that begins on a node, and stays there."""
        need = self.need
        beside = (need.sharers if need.gpus else need.room(node)) - 1
        actor = ray.remote(RaySlotActor).options(
            num_cpus=need.cpus,
            num_gpus=need.gpus,
            memory=need.memory,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
            max_restarts=0,
        )
        return actor.remote(self.entry, self.places, self.ranks, beside)

    def call(self, actor: Any, method: str, *arguments: Any) -> Any:
        """Return a call of a method, which `answer` has the answer of."""
        return getattr(actor, method).remote(*arguments)

    def answered(self, calls: Sequence[Any], seconds: float, every: bool = False) -> list[Any]:
        """Return the calls that have an answer: once there is one, or `every` one has."""
        count = len(calls) if every else 1
        ready, waiting = ray.wait(list(calls), num_returns=count, timeout=seconds)
        more = ray.wait(waiting, num_returns=len(waiting), timeout=0)[0] if waiting else []
        return [*ready, *more]

    def answer(self, call: Any) -> Any:
        """Return the answer of a call. Raises ActorFaultError, ActorLostError."""
        try:
            return ray.get(call)
        except (RuntimeEnvSetupError, ActorUnschedulableError) as error:
            raise ActorFaultError(_lines(error)[0]) from error
        except OutOfMemoryError as error:
            raise ActorLostError(OOM, "Ray ended the trial for lack of memory") from error
        except RayTaskError as error:
            raise ActorLostError("crash", _lines(error)[-1]) from error
        except RayError as error:
            if getattr(error, "actor_init_failed", False):
                raise ActorFaultError(_lines(error)[-1]) from error
            raise ActorLostError(INTERRUPTED.reason, "lost while this trial ran") from error

    def end(self, actor: Any) -> None:
        """End an actor at once, and its worker with it."""
        with suppress(RayError):
            ray.kill(actor)


def _lines(error: BaseException) -> list[str]:
    """Return the lines of an error's text that say anything; its name if none does."""
    lines = [line.strip() for line in str(error).splitlines()]
    return [line for line in lines if line] or [type(error).__name__]
