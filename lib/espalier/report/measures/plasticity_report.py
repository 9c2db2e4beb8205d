"""How plastic networks are at the ends of their tasks: a part of sweep_analysis.txt."""

from __future__ import annotations

from collections.abc import Sequence

from espalier.analysis.rank import Configuration, Ranking, swept_values
from espalier.core.measures import Measure
from espalier.core.process.terminal import printable_lines
from espalier.report.ranking_rows import settings
from espalier.report.table_format import plain_table

LISTED = 50
"""Configurations in the table; frames and exports have all."""
SHOWN = (
    Measure("dormant_share", "dormant units", "dormant", "%", 1, False),
    Measure("dead_share", "dead units", "dead", "%", 1, False),
    Measure("effective_rank", "effective rank", "rank", "", 1, True),
    Measure("weight_norm", "weight norm", "weights", "", 1, False),
    Measure("gradient_norm", "gradient norm", "gradient", "", 3, False),
)
"""Measures at the ends of tasks, as a table shows them; shares are in percent there."""
HEAD = f"""PLASTICITY:
{"-" * 40}
At the end of the first and of the last task, means over seeds: share of units that are
  dormant and dead, effective rank of the features, lengths of weights and gradient
"""


def render_plasticity(ranking: Ranking) -> str:
    """Return the part of the report, plain ASCII; empty where no trial had tasks."""
    items = [item for item in ranking.ranked if item.measure(f"last_{SHOWN[0].name}")]
    if not items:
        return ""
    rows = [[by.short for by in SHOWN] + ["configuration"], *map(_row, items[:LISTED])]
    more = f"... and {len(items) - LISTED} more" if len(items) > LISTED else ""
    return "\n".join(filter(None, [HEAD + plain_table(rows), more])) + "\n"


def _row(item: Configuration) -> Sequence[str]:
    name = printable_lines(" ".join([item.first.name, *settings(swept_values(item.first), "")]))
    return [*(_ends(item, by) for by in SHOWN), name]


def _ends(item: Configuration, by: Measure) -> str:
    """Return the means of a measure at the ends of the first and of the last task."""
    ends = [item.measure(f"{when}_{by.name}") for when in ("first", "last")]
    scale = 100.0 if by.unit == "%" else 1.0
    return " to ".join(by.with_unit(scale * end.mean) if end else "n/a" for end in ends)
