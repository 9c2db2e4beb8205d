"""What is kept open for all rounds of a command, and when it is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from fake_sweep import trial

from espalier.run.executor_choice import RAY, Placement, Workload
from espalier.run.ray import cluster, ray_site
from espalier.run.ray.kept_cluster import keeping, kept

Open = Callable[[str], Callable[[], AbstractContextManager[str]]]


@pytest.fixture
def events() -> list[str]:
    return []


@pytest.fixture
def opening(events: list[str]) -> Open:
    def of(name: str) -> Callable[[], AbstractContextManager[str]]:
        @contextmanager
        def opened() -> Iterator[str]:
            events.append(f"opened {name}")
            try:
                yield name
            finally:
                events.append(f"closed {name}")

        return opened

    return of


def test_rounds_share_what_is_kept(events: list[str], opening: Open) -> None:
    with keeping(), keeping():
        for _ in range(3):
            with kept("key", opening("a")) as value:
                assert value == "a"
        assert events == ["opened a"]
    assert events == ["opened a", "closed a"]


def test_what_is_stopped_in_a_round_is_closed(events: list[str], opening: Open) -> None:
    with pytest.raises(KeyboardInterrupt), keeping(), kept("key", opening("a")):
        raise KeyboardInterrupt
    assert events == ["opened a", "closed a"]


def test_another_one_takes_its_place(events: list[str], opening: Open) -> None:
    with keeping():
        for name in ("a", "b", "b"):
            with kept(name, opening(name)) as value:
                assert value == name
        assert events == ["opened a", "closed a", "opened b"]
    assert events[3:] == ["closed b"]


def test_without_a_block_that_keeps_it_ends_with_its_round(
    events: list[str], opening: Open
) -> None:
    with keeping():
        pass
    for _ in range(2):
        with kept("key", opening("a")):
            pass
    assert events == ["opened a", "closed a"] * 2


def test_what_cannot_be_opened_is_tried_again(events: list[str], opening: Open) -> None:
    @contextmanager
    def failing() -> Iterator[str]:
        raise OSError
        yield

    with keeping():
        with pytest.raises(OSError), kept("key", failing):  # noqa: PT011
            pass
        with kept("key", opening("a")):
            assert events == ["opened a"]


def test_a_cluster_is_joined_once_for_rounds_with_the_same_needs(
    monkeypatch: pytest.MonkeyPatch, events: list[str], opening: Open
) -> None:
    def joined(address: str, cores: int, env: object) -> AbstractContextManager[str]:
        return opening(f"{address} {cores}")()

    monkeypatch.setattr(cluster, "joined", joined)
    monkeypatch.setattr(cluster, "check_address", str)
    monkeypatch.setattr(cluster, "nodes", list)
    monkeypatch.setattr(cluster, "describe", str)
    place = Placement(RAY, "a:1", 1.0)
    with keeping():
        for threads in ("90", "90", "95"):
            trials = [trial(1, CPU_THREADS=threads)]
            work = Workload("fake_entry:train", {"DEVICE": "cpu"}, trials, 1, False)
            with ray_site.opened(place, work):
                pass
    assert events == ["opened a:1 90", "closed a:1 90", "opened a:1 95", "closed a:1 95"]
