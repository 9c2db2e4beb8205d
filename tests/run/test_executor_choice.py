"""Which executor a placement names, and what it refuses."""

from __future__ import annotations

import pytest
from fake_sweep import trial

from espalier.core.errors import UserError
from espalier.run import executor_choice
from espalier.run.executor_choice import LOCAL, RAY, Placement, Workload


@pytest.mark.parametrize(
    ("placement", "words"),
    [
        (LOCAL, []),
        (Placement(RAY, "", 1.0), ["EXECUTOR=ray"]),
        (Placement(RAY, "auto", 1.0), ["EXECUTOR=ray", "RAY_ADDRESS=auto"]),
        (Placement(RAY, "a:1", 0.5), ["EXECUTOR=ray", "RAY_ADDRESS=a:1", "GPU_SHARE=0.5"]),
    ],
)
def test_the_variables_that_name_a_placement(placement: Placement, words: list[str]) -> None:
    assert placement.variables == words


def work(in_process: bool = False, parallel: int = 3, **config: str) -> Workload:
    settings = {"DEVICE": "cpu"}
    return Workload("fake_entry:train", settings, [trial(1, **config)], parallel, in_process)


def test_a_cluster_has_workers_of_its_own() -> None:
    with pytest.raises(UserError, match="EXECUTOR=ray: has workers of its own; leave out --in"):
        executor_choice.opened(Placement(RAY, "", 1.0), work(in_process=True))


def test_this_process_trains_no_trial_over_several_devices() -> None:
    given = work(in_process=True, DEVICES_PER_TRIAL="2")
    with (
        pytest.raises(UserError, match="CONFIG_DEVICES_PER_TRIAL=2: trains a trial in processes"),
        executor_choice.opened(LOCAL, given),
    ):
        pass


def test_an_executor_of_no_name_is_refused() -> None:
    assert executor_choice.check_executor("ray") == "ray"
    with pytest.raises(UserError, match="executor='dask': must be one of pool, ray"):
        executor_choice.check_executor("dask")
