"""The page of a sweep made by hand, and a visit to it in a browser."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from browsers import PATIENCE
from html_pages import HOSTILE
from stored_sweeps import stored
from trial_results import ended, trial

from espalier.analysis.rank import TrialResult
from espalier.core.trial import Result, Status, Trial
from espalier.methods.apoptosis.neurons.lineage import Lineage
from espalier.report.reports import write_reports

BEST = {"none": 97.0, "magnitude": 95.0, "rigl": 96.0, HOSTILE: 90.0}
ROWS = "#ranking-table tbody tr"


def result(number: int, method: str, sparsity: str, seed: int) -> TrialResult:
    swept = {"PRUNING_METHOD": method} | ({"TARGET_SPARSITY": sparsity} if sparsity else {})
    share = float(sparsity or 0)
    score = BEST[method] - 3 * share**4 + (seed - 2) / 10
    history = [
        {"step": 10 * n, "val_acc": score - 30 * math.exp(-n), "sparsity": share}
        for n in range(1, 9)
    ]
    measures = {
        "val_acc": score,
        "test_acc": score - 0.4,
        "final_sparsity": share,
        "live_parameters": round(1e5 * (1 - share)),
        "total_time": 10.0 + number,
    }
    made = Result(Status.PASSED, measures=measures, history=history)
    return TrialResult(planned(number, seed, swept), made, 1)


def planned(number: int, seed: int, swept: dict[str, str]) -> Trial:
    """A trial that has a target only where it is swept, unlike those of `trial`."""
    item = trial(number, seed, **swept)
    config = {name: text for name, text in item.config.items() if name != "TARGET_SPARSITY"}
    return replace(item, config={**config, **item.swept})


def results() -> list[TrialResult]:
    """Ten configurations of three seeds, and one that failed."""
    cells = [("none", ""), *((m, s) for m in list(BEST)[1:] for s in ("0.5", "0.9", "0.95"))]
    made: list[TrialResult] = []
    for (method, sparsity), seed in product(cells, (1, 2, 3)):
        made.append(result(len(made) + 1, method, sparsity, seed))
    lost = planned(len(made) + 1, 1, {"PRUNING_METHOD": "lost"})
    return [*made, ended(lost, Status.ERROR, "crash", HOSTILE)]


def leave_tables(made: Path) -> None:
    """Leave what grew in one trial and who was born in another; a third has no such table."""
    for name in ("config_001_mlp", "config_010_mlp", "config_019_mlp"):
        (made / name).mkdir()
    grown = "op,where,added,dropped,live,step\nadd,0,5,1,14,10\nadd,1,2,0,16,10\nadd,0,4,0,20,40\n"
    (made / "config_001_mlp" / "growth.csv").write_text(grown, encoding="utf-8")
    born = Lineage({HOSTILE: 3, "second": 2})
    born.record_deaths(20, HOSTILE, [1], [0.5])
    born.record_births(20, HOSTILE, [1], [[(0, 0.5), (2, 0.5)]])
    born.write(made / "config_010_mlp" / "lineage.csv")
    (made / "config_019_mlp" / "lineage.csv").write_text(HOSTILE, encoding="utf-8")


class Visit:
    """A page in a browser, with its requests and its faults."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}} | options)
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append("a dialog"))
        self.address = path.as_uri()
        self.page.goto(self.address)
        self.wait_until_drawn()

    def wait_until_drawn(self) -> None:
        """Wait for the parts that are drawn last."""
        for part in ("#effects-panels svg", "#curves-chart svg", "#forest-table table"):
            self.page.wait_for_selector(part, state="attached")

    def row(self, place: int) -> str:
        return self.page.locator(ROWS).nth(place).inner_text()

    def matches(self) -> str:
        return self.page.inner_text("#matches")

    def wait_for_matches(self, text: str) -> None:
        self.page.wait_for_function(
            "(text) => document.getElementById('matches').textContent.startsWith(text)", arg=text
        )


def swept_folder(made: Path) -> Path:
    """Write the sweep and its page into a folder."""
    stored(
        made,
        results(),
        controls={"PRUNING_METHOD": ["none"]},
        name="first-look",
        note=f"Whether {HOSTILE} stays text.",
        tags=["digits", HOSTILE],
        sources=[{"path": HOSTILE, "sha256": "0" * 64}],
    )
    leave_tables(made)
    write_reports(made)
    return made


@contextmanager
def visits_to(browser: Any, usual: Path) -> Iterator[Any]:
    """Open pages, `usual` if none is named; none may complain, or ask for anything but itself."""
    visits: list[Visit] = []

    def open_page(path: Path = usual, **options: Any) -> Visit:
        visits.append(Visit(browser, path, **options))
        return visits[-1]

    yield open_page
    for each in visits:
        assert each.faults == []
        assert {url.partition("#")[0] for url in each.requests} == {each.address}
        each.context.close()
