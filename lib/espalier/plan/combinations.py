"""What varies between trials, what was left out and why, and combinations_summary.txt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from espalier.core.texts.count_text import count_text
from espalier.core.trial import Record, Trial
from espalier.kconfig.requests import Request

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


def axes(requests: Iterable[Request], configs: Mapping[str, Mapping[str, str]]) -> list[Record]:
    """Return the axes with the values that trials have, in the order of the requests.

    Those of an interval ascend.
    """
    requested = {request.name: request for request in requests if request.is_axis}
    return [
        {**axis, "values": sorted(axis["values"], key=_rank(requested[axis["symbol"]]))}
        for axis in varied(configs, requested)
    ]


def _rank(request: Request) -> Callable[[str], float]:
    if request.interval is not None:
        return float
    ranks = {value: i for i, value in enumerate(request.values)}
    return lambda value: ranks.get(value, len(ranks))


def varied(configs: Mapping[str, Mapping[str, str]], symbols: Iterable[str]) -> list[Record]:
    """Return those of `symbols` that differ between configurations, with the values they have."""
    axes = []
    for symbol in symbols:
        values = dict.fromkeys(config.get(symbol) for config in configs.values())
        if len(values) > 1:
            axes.append({"symbol": symbol, "values": [v for v in values if v is not None]})
    return axes


def differing(
    configs: Iterable[Mapping[str, str]], swept: Container[str], solved: Container[str] = ()
) -> list[str]:
    """Return a note for each symbol that differs between trials without being swept.

    Its default depends on an axis, or it is `solved` for a budget, so that the axis is not all
    that is compared.
    """
    seen: dict[str, Counter[str]] = {}
    for config in configs:
        for name, value in config.items():
            if name not in swept:
                seen.setdefault(name, Counter())[value] += 1
    return [
        f"CONFIG_{name} is {'solved for the budget' if name in solved else 'not set'} and differs: "
        + ", ".join(f"{value} ({count_text(count, 'trial')})" for value, count in values.items())
        for name, values in seen.items()
        if len(values) > 1
    ]
