"""The end of a run of a sweep: its reports, and what is said on a terminal, in one screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from espalier.core.process import stop_signals
from espalier.core.process.stop_signals import EXIT_INTERRUPTED
from espalier.core.texts.count_text import count_text
from espalier.core.texts.program_name import MAKE
from espalier.core.trial import LOG, Status
from espalier.kconfig.symbols import BUDGET_MINUTES
from espalier.report import reports
from espalier.report.closing_summary import next_step, summary_lines
from espalier.report.html.page_input import PageInput
from espalier.report.html.report_page import REPORT
from espalier.report.report_request import ReportRequest
from espalier.report.reports import uncollected
from espalier.run.budgets.time_budget import EXIT_OVER
from espalier.run.displays.progress import counted
from espalier.run.pending import pending
from espalier.run.run_limits import RunLimits
from espalier.run.workers.worker import HOPELESS
from espalier.store.results_dir import SweepDir

ROOM = 20
"""Lines that a sweep ends with, at most: what matters of it is still on the screen."""
STOPPED = "stopped"
_ADVICE = {
    Status.FAILED: "ran to an end that does not count, and is not run again; why: `cat {log}`",
    Status.ERROR: "`{command}` tries again whatever ended in an error; why: `cat {log}`",
}
_SETTINGS = (
    f"to change a setting for them, plan the same trials with it first: {MAKE} sweep-generate"
)


@dataclass(frozen=True)
class SweepEnd:
    """A sweep of which nothing runs any more: the state of each trial, and how many are to go.

    The trials that were to run are `chosen`: they alone decide whether all passed.
    """

    page: PageInput
    states: Mapping[int, Status]
    chosen: Sequence[int]
    left: int = 0

    @property
    def bad(self) -> dict[Status, int]:
        """The first trial of each state that needs advice, by that state."""
        states = {number: self.states[number] for number in sorted(self.chosen, reverse=True)}
        first = {status: number for number, status in states.items()}
        return {status: first[status] for status in _ADVICE if status in first}

    @property
    def code(self) -> int:
        """The exit code: 1 if some trials did not pass."""
        return 1 if self.bad else 0

    @property
    def going_on(self) -> str:
        """The command that goes on with the sweep, and what it does."""
        return f"`{self.page.header.command}` goes on where this stopped"

    def describe_stop(self, why: str = STOPPED) -> str:
        """Return the line of a sweep that has not come to its end: how far it is, and what next."""
        counts = counted(Counter(self.states.values())) or "none has ended"
        to_go = f"{self.left} to go" if self.left else self._open_end
        return f"{why}: {counts}, {to_go}; {self.going_on}"

    @property
    def _open_end(self) -> str:
        """What a sweep lacks whose trials have all ended: it was stopped before its plan grew."""
        return "undecided" if self.page.header.race else "more to propose"

    def lines(self, stopped: str = "") -> list[str]:
        """Return what is said of it; `stopped` is the line of a sweep that has not ended."""
        after = [*self._files(), *self._next(bool(stopped)), *self._advice()]
        head = stopped or self._counts()
        return [*summary_lines(self.page, ROOM - 1 - len(after)), head, *after]

    def _files(self) -> list[str]:
        """Return the page and the report, those that have been written."""
        named = {"page": REPORT, "report": reports.ANALYSIS}
        paths = {what: self.page.folder / name for what, name in named.items()}
        return [f"{what}: {path}" for what, path in paths.items() if path.exists()]

    def _counts(self) -> str:
        counts = Counter(self.states.values())
        to_go = f", {self.left} to go; {self.going_on}" if self.left else ""
        return f"{count_text(len(self.states), 'trial')}: {counted(counts)}{to_go}"

    def _next(self, stopped: bool) -> list[str]:
        step = "" if stopped or self.left else next_step(self.page)
        return [f"next: {step}"] * bool(step)

    def _advice(self) -> list[str]:
        lines = []
        for status, number in self.bad.items():
            log = self.page.folder / self.page.directories[number] / LOG
            text = _ADVICE[status].format(log=log, command=self.page.header.command)
            lines.append(f"{status}: {text}")
        return lines + [_SETTINGS] * self._refused

    @property
    def _refused(self) -> bool:
        """Whether the machine or a setting kept a trial from beginning."""
        errors = {n for n in self.chosen if self.states[n] is Status.ERROR}
        return any(
            item.result.reason == HOPELESS
            for item in self.page.results
            if item.trial.number in errors
        )


@uncollected()
def report_stop(sweep: SweepDir, left: int, request: ReportRequest, minutes: float) -> int:
    """Write the reports of a sweep that was stopped by a signal, or that had only `minutes`.

    Return the exit code.
    """
    end = _written(sweep, (), left, request)
    over = minutes > 0 and not stop_signals.requested()
    why = f"no other trial ends within {BUDGET_MINUTES}={minutes:g}" if over else STOPPED
    print(*end.lines(end.describe_stop(why)), sep="\n")
    return EXIT_OVER if over else EXIT_INTERRUPTED


@uncollected()
def report_end(sweep: SweepDir, limits: RunLimits, request: ReportRequest) -> int:
    """Write the reports, print what matters of them, and advise on what did not pass.

    Return the exit code. Where only some trials were to run, only those decide on it.
    """
    left = len(pending(sweep.store, limits.attempts))
    end = _written(sweep, limits.chosen(sweep.store.states()), left, request)
    print(*end.lines(), sep="\n")
    return end.code


def _written(sweep: SweepDir, chosen: Sequence[int], left: int, request: ReportRequest) -> SweepEnd:
    page = reports.read_for_reports(sweep.folder, request)
    reports.refresh_reports(page, request)
    return SweepEnd(page, sweep.store.states(), chosen, left)
