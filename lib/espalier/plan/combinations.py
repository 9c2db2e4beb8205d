"""combinations_summary.txt: what varies, what was left out and why, and every combination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from espalier.core.trial import Record, Trial

PREFIXES = ("CONFIG_", "ADAMWPRUNE_", "PRUNING_")


def summary(axes: Sequence[Record], trials: Sequence[Trial], notes: Sequence[str] = ()) -> str:
    """Return the file's text; `notes` are lines on which combinations of the axes there are."""
    lines = [
        "Configuration Combinations Summary",
        "=" * 50,
        "",
        f"Total combinations: {len(trials)}",
    ]
    lines += ["", "Variable parameters:", *map(_axis, axes), *notes]
    lines += ["", "Combinations:", "-" * 50]
    names = short_names([axis["symbol"] for axis in axes])
    for trial in trials:
        lines += ["", f"Configuration {trial.name.removeprefix('config_')}:"]
        lines += [f"  {names[symbol]}: {value}" for symbol, value in trial.swept.items()]
    return "\n".join(lines) + "\n"


def left_out(counts: Mapping[str, int], dropped: Sequence[Record]) -> list[str]:
    """Return what is not among the trials, one line a reason; nothing if everything is."""
    lines = [f"  {record['count']}: {record['reason']}" for record in dropped]
    if counts.get("inactive"):
        lines.append(f"  {counts['inactive']}: differ only in symbols that are off")
    if counts.get("same"):
        lines.append(f"  {counts['same']}: have the same effective configuration as another")
    return ["", f"Left out of {counts['combinations']} combinations:", *lines] if lines else []


def short_names(symbols: Sequence[str]) -> dict[str, str]:
    """Return symbols without the usual prefixes, except where two would then be the same."""
    short = {symbol: _short(symbol) for symbol in symbols}
    times = Counter(short.values())
    return {symbol: name if times[name] == 1 else symbol for symbol, name in short.items()}


def _short(symbol: str) -> str:
    for prefix in PREFIXES:
        symbol = symbol.replace(prefix, "")
    return symbol


def _axis(axis: Record) -> str:
    return f"  CONFIG_{axis['symbol']}: {', '.join(axis['values'])}"
