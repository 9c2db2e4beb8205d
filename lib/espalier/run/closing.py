"""The end of a run of a sweep: its reports, and what is said about how to go on."""

from __future__ import annotations

from espalier.core.process.stop_signals import EXIT_INTERRUPTED
from espalier.core.trial import LOG, Status
from espalier.report import reports
from espalier.report.html.report_page import REPORT
from espalier.report.reports import ReportRequest
from espalier.run.displays.progress import counted
from espalier.run.runner import RunLimits, pending
from espalier.run.workers.worker import HOPELESS
from espalier.store.results_dir import SweepDir

_ADVICE = {
    Status.FAILED: "ran to an end that does not count, and is not run again; why: `cat {log}`",
    Status.ERROR: "`{command}` tries again whatever ended in an error; why: `cat {log}`",
}
_SETTINGS = "to change a setting for them, plan the same trials with it first: make sweep-generate"


def report_stop(sweep: SweepDir, left: int, request: ReportRequest) -> int:
    """Write the reports of a sweep that was stopped; return the exit code."""
    reports.write_reports(sweep.folder, request)
    counts = counted(sweep.store.counts()) or "none has ended"
    to_go = f"{left} to go" if left else "undecided"  # a race between two rounds
    print(f"stopped: {counts}, {to_go}; {_going_on(sweep)}")
    return EXIT_INTERRUPTED


def report_end(sweep: SweepDir, limits: RunLimits, request: ReportRequest) -> int:
    """Write and print the reports, with advice on what did not pass; return the exit code.

    Where only some trials were to run, only those decide on it.
    """
    print(reports.write_reports(sweep.folder, request))
    counts = sweep.store.counts()
    total, left = sum(counts.values()), len(pending(sweep.store, limits.attempts))
    to_go = f", {left} to go; {_going_on(sweep)}" if left else ""
    print(f"{total} trial{'s' * (total != 1)}: {counted(counts)}{to_go}")
    print(f"page: {sweep.folder / REPORT}")
    print(f"report: {sweep.folder / reports.ANALYSIS}")
    states = sweep.store.states()
    chosen = {number: states[number] for number in limits.chosen(states)}
    bad = [status for status in _ADVICE if status in chosen.values()]
    for status in bad:
        log = sweep.directory(min(n for n, state in chosen.items() if state == status)) / LOG
        command = sweep.store.header.command
        print(f"{status}: {_ADVICE[status].format(log=log, command=command)}")
    if _refused(sweep, [n for n, state in chosen.items() if state == Status.ERROR]):
        print(_SETTINGS)
    return 1 if bad else 0


def _refused(sweep: SweepDir, numbers: list[int]) -> bool:
    """Return whether the machine or a setting kept one of these trials from beginning."""
    last = {attempt.trial: attempt for attempt in sweep.store.attempts() if attempt.conclusive}
    return any(last[number].reason == HOPELESS for number in numbers)


def _going_on(sweep: SweepDir) -> str:
    return f"`{sweep.store.header.command}` goes on where this stopped"
