"""Several processes decide as one."""

from pathlib import Path

import gloo_pair
import replica_cases


def test_replicas_stay_equal_to_the_bit(tmp_path: Path) -> None:
    """Every method, on two processes with data of their own, for three events and more."""
    events, others = gloo_pair.run_on_two(replica_cases.run_every_case, tmp_path)
    assert events == others
    assert {name: count for name, count in events.items() if not isinstance(count, int)} == {}
    assert min(events.values()) >= replica_cases.EVENTS
