"""What the pages of an hour cost, by a clock that does not wait."""

from __future__ import annotations

from pathlib import Path

import report_page


def test_a_page_that_costs_nothing_is_written_at_most_every_30_seconds(monkeypatch):
    written: list[Path] = []
    monkeypatch.setattr(report_page, "write_page", written.append)
    monkeypatch.setattr(report_page.time, "process_time", lambda: 0.0)
    # the first page of 36 trials is taken to cost 0.336 s, 0.8 % of 42 seconds
    assert report_page.rewritten(Path("a"), 36) == (0.0, (3600 - 42) // 30 + 1)
    assert set(written) == {Path("a")}


def test_dear_pages_take_no_more_than_a_hundredth(monkeypatch):
    clock = [0.0]

    def write(folder: Path) -> None:
        clock[0] += 5.0

    monkeypatch.setattr(report_page, "write_page", write)
    monkeypatch.setattr(report_page.time, "process_time", lambda: clock[0])
    share, count = report_page.rewritten(Path("a"), 36)
    assert count == 5 and share == 100 * 25 / 3600  # after 42, 1250, 1875, 2500 and 3125 s
