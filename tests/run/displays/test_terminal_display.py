"""The display on a pseudo-terminal: what stands on its screen, whatever its size and the texts."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console
from terminal_screen import PseudoTerminal, pseudo_terminal

from espalier.core.process.terminal import PrintableStream
from espalier.core.records import EpochRecord
from espalier.core.trial import Result, Status
from espalier.run.displays import terminal_display
from espalier.run.displays.progress import Ending
from espalier.run.displays.terminal_display import LiveDisplay, PlainDisplay, display
from espalier.store.sweep_state import SweepStatus, TaskProgress

RECORD = {"epoch": 4, "epochs": 20, "train_loss": 0.2134, "val_acc": 93.12, "sparsity": 0.35}
HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "\x1b[2J\x1b[31mred\r\nover\tthe line\x07",
    "$x^$ _{a} \\alpha",
    "x" * 10_000,
    "日本語のエラー" * 40,
    "👩‍👩‍👧" * 60,
]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw whenever it is asked for, and take the size from the terminal alone."""
    monkeypatch.setattr(terminal_display, "REDRAW", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def tasks(count: int, name: str = "config_{:03}") -> tuple[TaskProgress, ...]:
    record = EpochRecord.from_json(RECORD)
    return tuple(TaskProgress(name.format(n), record, 2.0) for n in range(1, count + 1))


def sweep(running: int, done: int = 11, name: str = "config_{:03}") -> SweepStatus:
    counts = {Status.PASSED: done, Status.FAILED: 1, Status.RUNNING: running, Status.NOTRUN: 20}
    return SweepStatus(counts, tasks(running, name), max(1, running), 10.0)


def failure(number: int, message: str = "loss is not finite") -> Ending:
    return Ending(f"config_{number:03}", Result(Status.FAILED, "diverged", message), 3.0)


def shown_on(terminal: PseudoTerminal) -> LiveDisplay:
    return LiveDisplay(Console(file=terminal.file))


def test_the_sweep_its_tasks_and_its_failures() -> None:
    with pseudo_terminal(100, 24) as terminal:  # 108 s: (2 * 8 + 20 * 10) / 2
        view = shown_on(terminal)
        view.note("a note")
        view.finish(failure(9), sweep(2))
        view.update(sweep(2))
        first, whole, *rest = terminal.draw().splitlines()
        assert first == "a note"
        bar = f"{'━' * 10}╸{'━' * 19}"
        assert whole == f"{bar} 12/34 done (11 passed, 1 failed), 2 running  ETA 1m48s"
        assert rest == [
            "config_001 epoch 4/20 loss 0.2134 val 93.1% sparsity 35.0%  2.0s",
            "config_002 epoch 4/20 loss 0.2134 val 93.1% sparsity 35.0%  2.0s",
            "failed attempts: 1",
            "config_009 failed diverged: loss is not finite",
        ]
        view.close()
        assert terminal.draw() == "a note\nconfig_009 failed diverged: loss is not finite"


def test_failures_beyond_the_last_ones_go_into_the_lines_above() -> None:
    with pseudo_terminal(100, 24) as terminal:
        view = shown_on(terminal)
        view.update(sweep(1))
        for number in range(1, 6):
            view.finish(failure(number), sweep(1))
        view.finish(Ending("config_007", Result(Status.PASSED), 1.0), sweep(1))
        view.update(sweep(1))
        lines = terminal.draw().splitlines()
        assert lines[:2] == [f"config_00{n} failed diverged: loss is not finite" for n in (1, 2)]
        assert lines[-4] == "failed attempts: 5, the last 3:"
        assert [line[:10] for line in lines[-3:]] == ["config_003", "config_004", "config_005"]
        view.close()
        assert [line[9] for line in terminal.draw().splitlines()] == list("12345")


def test_earlier_failures_are_counted_and_not_printed_again() -> None:
    with pseudo_terminal(100, 24) as terminal:
        earlier = [failure(number) for number in range(1, 51)]
        view = LiveDisplay(Console(file=terminal.file), earlier)
        view.update(sweep(1))
        assert "failed attempts: 50, the last 3:" in terminal.draw()
        view.finish(failure(60), sweep(1))
        view.update(sweep(1))
        assert "failed attempts: 51, the last 3:" in terminal.draw()
        view.close()
        assert terminal.draw() == "config_060 failed diverged: loss is not finite"


@pytest.mark.parametrize("columns", [1, 3, 20, 44, 80, 500])
@pytest.mark.parametrize("rows", [2, 3, 5, 24])
@pytest.mark.parametrize("running", [0, 1, 2, 64])
def test_it_is_never_wider_nor_taller_than_the_terminal(
    columns: int, rows: int, running: int
) -> None:
    with pseudo_terminal(columns, rows) as terminal:
        view = shown_on(terminal)
        for number, message in enumerate(HOSTILE, 1):
            view.finish(failure(number, message), sweep(running))
        view.update(sweep(running))
        terminal.draw()
        terminal.screen.above.clear()
        for name in ("config_{:03}", "日本{:03}", "\x1b[2Jevil\n" * 20 + "{:03}"):
            view.update(sweep(running, name=name))
            terminal.draw()
            assert terminal.screen.above == []  # nothing was pushed out of the screen
            assert len(terminal.screen.rows) <= rows
        view.close()
        terminal.draw()


def test_at_twenty_columns_what_matters_is_still_there() -> None:
    with pseudo_terminal(20, 8) as terminal:
        view = shown_on(terminal)
        view.finish(failure(9), sweep(2))
        view.update(sweep(2))
        assert terminal.draw().splitlines() == [
            "12/34 ETA 1m48s",
            "config_001 4/20",
            "config_002 4/20",
            "failed attempts: 1",
            "config_009 faile...",
        ]
        view.close()


def test_low_terminals_share_the_rows() -> None:
    with pseudo_terminal(100, 5) as terminal:  # four rows: the sweep, two for tasks, a failure
        view = shown_on(terminal)
        for number in range(1, 4):
            view.finish(failure(number), sweep(9))
        view.update(sweep(9))
        lines = terminal.draw().splitlines()
        assert lines[0].endswith("12/41 done (11 passed, 1 failed), 9 running  ETA 30.2s")
        assert lines[1].startswith("config_001 epoch 4/20") and lines[2] == "and 8 more running"
        assert lines[3] == "failed attempts: 3; config_003 failed diverged: loss is not finite"
        view.close()


@pytest.mark.parametrize("narrow", [20, 33, 60, 99])
def test_a_narrower_window_leaves_nothing_of_the_wider_picture(narrow: int) -> None:
    with pseudo_terminal(100, 60) as terminal:
        view = shown_on(terminal)
        view.note("kept")
        view.finish(failure(9), sweep(5))
        view.update(sweep(5))
        terminal.resize(narrow, 60)
        view.update(sweep(5))
        lines = terminal.draw().splitlines()
        assert lines[0] == "kept"
        assert [line[:10] for line in lines[2:-2]] == [f"config_00{n}" for n in range(1, 6)]
        assert len(lines) == 1 + 1 + 5 + 2 and max(map(len, lines)) < narrow
        view.close()
        assert terminal.draw().replace("\n", " ").startswith("kept config_009 failed")


def test_a_wider_window_is_used() -> None:
    with pseudo_terminal(20, 24) as terminal:
        view = shown_on(terminal)
        view.update(sweep(1))
        terminal.resize(120, 24)
        view.update(sweep(1))
        assert "config_001 epoch 4/20 loss 0.2134 val 93.1%" in terminal.draw()
        view.close()


def test_a_note_after_a_resize_stands_above_the_picture() -> None:
    with pseudo_terminal(100, 24) as terminal:
        view = shown_on(terminal)
        view.update(sweep(3))
        terminal.resize(50, 24)
        view.note("a note")
        view.update(sweep(3))
        lines = terminal.draw().splitlines()
        assert lines[0] == "a note" and len(lines) == 5
        view.close()
        assert terminal.draw() == "a note"


def test_an_encoding_without_such_characters_makes_no_line_longer() -> None:
    with pseudo_terminal(60, 24) as terminal:
        file = io.TextIOWrapper(terminal.file.buffer, "ascii", "backslashreplace")
        view = LiveDisplay(Console(file=file))
        view.finish(failure(1, "日本語のエラー" * 40), sweep(1))
        view.update(sweep(1, name="日本{}"))
        file.flush()
        lines = terminal.draw().splitlines()
        assert lines[1].startswith("\\u65e5\\u672c1 ") and len(lines) == 4
        assert lines[3].startswith("config_001 failed diverged: \\u65e5")
        assert max(map(len, lines)) < 60
        view.close()
        file.detach()


@pytest.fixture
def terminal() -> Iterator[PseudoTerminal]:
    with pseudo_terminal(80, 24) as opened:
        yield opened


@pytest.mark.parametrize(
    ("term", "kind"),
    [("xterm", LiveDisplay), ("dumb", PlainDisplay), ("unknown", PlainDisplay), ("", PlainDisplay)],
)
def test_a_terminal_that_moves_no_cursor_gets_lines(
    monkeypatch: pytest.MonkeyPatch, terminal: PseudoTerminal, term: str, kind: type
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stdout", PrintableStream(terminal.file))
    view = display()
    view.close()
    assert type(view) is kind


def test_a_pipe_gets_a_line_an_attempt(capsys: pytest.CaptureFixture[str]) -> None:
    view = display()
    view.update(sweep(2))
    view.note("a note")
    for number, message in enumerate(HOSTILE, 1):
        view.finish(failure(number, message), sweep(2))
    view.close()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a note" and len(lines) == 1 + len(HOSTILE)
    assert lines[2] == (
        "[12/34] config_002 failed diverged: "
        "\\x1b[2J\\x1b[31mred\\r\\nover\\tthe line\\x07 3.0s  ETA 1m48s"
    )
    assert all(line.startswith("[12/34] config_00") and len(line) < 260 for line in lines[1:])
