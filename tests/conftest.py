"""Fixtures for all tests; what tests share besides lies in `support`."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from external_parts import is_about

from espalier.core.trees import own_trees

Spawn = Callable[..., "subprocess.Popen[str]"]
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --update-golden, which writes what the fixture `golden` compares with."""
    text = "write the golden files of the tests that run, instead of comparing with them"
    parser.addoption("--update-golden", action="store_true", help=text)
    text = "run only what the contracts say of the components in these trees, and their own tests"
    parser.addoption("--external", metavar="DIR[:DIR]", default="", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Let the trees of --external be those of the tests, and no others of the environment."""
    own_trees.use(config.getoption("--external"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --external, leave out the tests that are not about a component or symbol of a tree."""
    if trees := own_trees.external():
        chosen = [item for item in items if is_about(item, trees)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the file golden/NAME.txt beside the test: `golden(name, text)`."""

    def compare(name: str, text: str) -> None:
        path = request.path.parent / "golden" / f"{name}.txt"
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture(autouse=True, scope="session")
def _folders_of_their_own(tmp_path_factory):
    """What the tests measure, or allow to run, is not for the user's next sweep."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start processes as `subprocess.Popen` does, each in a session of its own.

    They ignore the signals `ignored` and no other of STOPPING, even where the tests themselves run
    under `nohup` or in the background. None of their process groups outlives the test.
    """
    processes: list[subprocess.Popen[str]] = []

    def start(
        command: Sequence[str], ignored: Collection[signal.Signals] = (), **options: Any
    ) -> subprocess.Popen[str]:
        with _ignoring(ignored):
            process = subprocess.Popen(command, text=True, start_new_session=True, **options)
        processes.append(process)
        return process

    yield start
    for process in processes:
        with process:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _ignoring(ignored: Collection[signal.Signals]) -> Iterator[None]:
    """Let this process, and what it starts, ignore `ignored` and no other of STOPPING."""
    handlers = {number: signal.getsignal(number) for number in STOPPING}
    for number, handler in handlers.items():
        if number in ignored:
            signal.signal(number, signal.SIG_IGN)
        elif handler is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
