"""The answers of a loaded sweep: text to print, values to work with, frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from espalier.analysis.comparing.arm_question import ArmVerdict
from espalier.analysis.comparing.sweep_pairs import PairedSweeps
from espalier.analysis.equivalence import Answer
from espalier.core import strict_json
from espalier.core.trial import Record
from espalier.report.comparing.opened_sweeps import OpenedSweep
from espalier.report.comparing.sweep_comparison import comparison_record, render_comparison
from espalier.report.comparing.verdict_report import render_verdict, verdict_record
from espalier.report.frames.sweep_frames import comparison_frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class SweepVerdict:
    """The answer on "is A better than B?" by the sweep in a folder. Printed, it is the report."""

    reply: ArmVerdict
    folder: str

    def __repr__(self) -> str:
        """Return the report of `make verdict`."""
        return render_verdict(self.reply, [self.folder]).rstrip()

    @property
    def answer(self) -> Answer:
        """One of `better`, `worse`, `equivalent` and `undecided`; it is a str."""
        return self.reply.reply.answer

    @cached_property
    def record(self) -> Record:
        """The object that `make verdict JSON=1` prints: difference, interval, n, p and the rest."""
        return dict(strict_json.finite(verdict_record(self.reply, [self.folder])))


@dataclass(frozen=True, repr=False)
class SweepComparison:
    """Two sweeps side by side. Printed, it is the report."""

    compared: PairedSweeps
    sweeps: tuple[OpenedSweep, OpenedSweep]

    def __repr__(self) -> str:
        """Return the report of `make sweep-compare`."""
        return render_comparison(self.compared, self.sweeps).rstrip()

    @cached_property
    def record(self) -> Record:
        """The object that `make sweep-compare JSON=1` prints."""
        return dict(strict_json.finite(comparison_record(self.compared, self.sweeps)))

    @cached_property
    def configurations(self) -> pd.DataFrame:
        """A row for each pair of configurations, with the difference and what A is."""
        return comparison_frame(self.compared)
