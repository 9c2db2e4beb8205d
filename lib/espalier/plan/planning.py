"""Making a plan: from range files, from one `.config`, or from a folder of config files."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from espalier.core import revision
from espalier.core.errors import UserError
from espalier.core.texts.program_name import MAKE
from espalier.core.trees.tree_syntax import check_syntax
from espalier.core.trial import Record
from espalier.kconfig import dotconfig, range_file, requests, tree
from espalier.kconfig.line_faults import Faults
from espalier.kconfig.range_file import Setting
from espalier.kconfig.requests import Request, Requests
from espalier.kconfig.symbols import Symbols
from espalier.plan import (
    claim_seal,
    combinations,
    config_folder,
    expand,
    plan,
    sensible_runs,
    staleness,
    test_matrix,
)
from espalier.plan.expand import Expansion
from espalier.plan.outside_files import script_plan, weights_file
from espalier.plan.plan import Plan
from espalier.plan.range_requests import requested_parts
from espalier.plan.samplers import sampling
from espalier.plan.samplers.drawing import SAMPLER
from espalier.plan.stopping.stop_rules import check_stop, idle_notes
from espalier.scripts import script_knobs


def plan_from_files(
    paths: Sequence[Path],
    limit: int | None = None,
    symbols: Symbols | None = None,
    strict: bool = True,
    over: Sequence[Setting] = (),
) -> Plan:
    """Plan range files merged left to right.

    `limit` is the largest number of trials, None for CONFIG_SWEEP_MAX_TRIALS. Every fixed value
    must take effect in some trial unless `strict` is off. The settings `over` of the command line
    go before those of the files. What would be refused at the start of its run is left out and
    counted. Raises UserError.
    """
    if symbols is None:
        symbols = parse_for(paths, over)
    requested, notes = requested_parts(symbols, paths, over)
    parts: list[tuple[Requests, Expansion]] = []
    for merged in requested:
        notes += test_matrix.notes(symbols, merged)
        axes = test_matrix.to_axes(symbols, merged)
        sampled = sampling.sample(symbols, axes, limit, strict)
        sensible_runs.leave_out(sampled, merged)
        notes += sensible_runs.rest_notes(sampled)
        if strict:  # a complete `.config` says what it is about
            notes += sensible_runs.default_notes(sampled, merged)
        parts.append((axes, sampled))
    axes, expansion = parts[0] if len(parts) == 1 else _join_parts(paths[0], parts, limit)
    notes = list(dict.fromkeys(notes))
    made = _plan(
        symbols, combinations.axes(axes.values(), expansion.configs), expansion, paths, notes
    )
    made = replace(_placed(made, axes), assignments=_assignments(over))
    made = script_plan.complete(made, axes, over)
    with requests.placing(axes):
        check_stop(made.header(), made.trials)
    return replace(made, notes=[*made.notes, *idle_notes(made.settings, made.trials)])


def parse_for(paths: Sequence[Path], over: Sequence[Setting] = ()) -> Symbols:
    """Return the symbols that range files can set, with the knobs that they declare.

    Raises UserError.
    """
    script_knobs.use_of_files(paths, over)
    return Symbols(tree.parse())


def _assignments(over: Sequence[Setting]) -> dict[str, str] | None:
    """Return what the command line sets, by symbol; the design of the plan has the sampler."""
    return {each.symbol: each.text for each in over if each.symbol != SAMPLER} or None


def plan_from_config(path: Path, limit: int | None = None, symbols: Symbols | None = None) -> Plan:
    """Plan a complete `.config`: one trial, or a test matrix. Raises UserError."""
    dotconfig.require(path)
    return plan_from_files([path], limit, symbols, strict=False)


def plan_of_single_trial(path: Path, done: str) -> Plan:
    """Plan a `.config` of one trial, which is to be `done` something to. Raises UserError.

    Whether its run would make sense is not checked, since it is not to be run as it is.
    """
    dotconfig.require(path)
    check_syntax()
    symbols = Symbols(tree.parse())
    requested, _ = requests.read(symbols, [path])
    axes = test_matrix.to_axes(symbols, requested)
    expansion = sampling.sample(symbols, axes, None, strict=False)
    single = _plan(symbols, combinations.axes(axes.values(), expansion.configs), expansion, [path])
    if len(single.trials) != 1:
        several = f"{len(single.trials)} trials, and one can be {done} at a time"
        raise UserError(f"{path}: means {several}; set CONFIG_PRUNING_MODE_SINGLE=y and the like")
    return single


def plan_from_directory(directory: Path, symbols: Symbols | None = None) -> Plan:
    """Plan a folder of `config_*` files that a user wrote: one trial each.

    Trials keep their files' names; of two equal files the first counts. Backups are left out, with
    a note. Raises UserError.
    """
    paths, notes = config_folder.list_configs(directory)
    symbols = symbols or parse_for(paths)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    if not paths:
        raise UserError(f"{directory}: holds no config_* file")
    faults, singles = Faults(), []
    for path in paths:
        with faults.collect():
            singles.append(_single(symbols, path))
    faults.check()
    return config_folder.join(symbols, paths, singles)


def plan_from_rows(
    base: Mapping[str, str],
    rows: Sequence[Mapping[str, str]],
    symbols: Symbols | None = None,
) -> Plan:
    """Plan configurations given row by row: what all share in `base`, and what each row adds.

    Both map symbols (no CONFIG_) to values as a range file has them; where a symbol has several
    values (`SEED`: `1|2|3`) each row takes all of them. Rows that come to the same configuration
    are one. A row that Kconfig refuses is left out and counted, and so is one whose run makes no
    sense. Raises UserError if there is no row, if a value is malformed, if one takes effect
    nowhere, or if no run makes sense.
    """
    symbols = symbols or Symbols(tree.parse())
    if not rows:
        raise UserError("no rows: there is no configuration to plan; give one or more")
    requested = [row_requests(symbols, base, row, n) for n, row in enumerate(rows, start=1)]
    expansion = _merge([expand_row(symbols, row) for row in requested])
    _check_rows(requested, expansion)
    sensible_runs.leave_out(expansion, requested[0])
    names = dict.fromkeys(name for row in requested for name in row)
    made = _plan(symbols, combinations.varied(expansion.configs, names), expansion)
    return script_plan.complete(made, requested[0])


def open_plan(directory: Path) -> Plan:
    """Read the plan in `directory`, checked against its sources and files.

    A folder without a plan is read as config files that a user wrote. Raises UserError.
    """
    if not (directory / plan.PLAN).exists() and any(directory.glob("config_*")):
        return plan_from_directory(directory)
    written = plan.read_plan(directory)
    staleness.check_fresh(written)
    staleness.check_files(written, directory)
    return written


def _join_parts(
    path: Path, parts: Sequence[tuple[Requests, Expansion]], limit: int | None
) -> tuple[Requests, Expansion]:
    """Join the parts of a foreign preset. Raises UserError if they are too many or drawn."""
    whole = _merge([expansion for _, expansion in parts])
    if any(expansion.design for _, expansion in parts):
        raise UserError(
            f"{path}: means {len(parts)} range files, and a sampler chooses from one; "
            f"{MAKE} import-config FROM={path} OUT=<file> writes them"
        )
    allowed = limit or int(whole.settings[expand.LIMIT])
    if len(whole.configs) > allowed:
        raise expand.TooManyError(
            str(path), f"more than {allowed} trials; allow {len(whole.configs)} with MAX_TRIALS"
        )
    axes: Requests = {}
    for requested, _ in parts:
        for name, request in requested.items():
            before = axes.get(name, request)
            values = dict.fromkeys([*before.values, *request.values])
            axes[name] = replace(before, values=tuple(values))
    return axes, whole


def row_requests(
    symbols: Symbols, base: Mapping[str, str], row: Mapping[str, str], number: int
) -> Requests:
    """Return the requests of row `number`: `base`, overridden by the row. Raises UserError."""
    parts = [(base, "what all rows share"), (row, f"row {number}")]
    texts = [("\n".join(f"CONFIG_{k}={v}" for k, v in part.items()), at) for part, at in parts]
    merged, _ = requests.merge(
        requests.from_settings(symbols, range_file.parse(text, place)) for text, place in texts
    )
    return merged


def expand_row(symbols: Symbols, row: Requests) -> Expansion:
    """Expand one row; what is refused or off in it is among the `faults`."""
    fixed = {name: request.values[0] for name, request in row.items() if not request.is_axis}
    return expand.expand(symbols, row, None, strict=True, rows=[fixed])


def _merge(parts: Sequence[Expansion]) -> Expansion:
    """Merge the expansions of the rows, in their order."""
    whole = Expansion({}, sum(part.combinations for part in parts))
    for part in parts:
        whole.same += part.same + len(whole.configs.keys() & part.configs)
        whole.configs |= part.configs
        whole.invalid += part.invalid
        whole.inactive += part.inactive
        whole.settings = whole.settings or part.settings
        whole.faults += part.faults
        whole.solved |= part.solved
        for reason, count in part.reasons.items():
            whole.reasons[reason] = whole.reasons.get(reason, 0) + count
    return whole


def _check_rows(rows: Sequence[Requests], expansion: Expansion) -> None:
    """Raise UserError for a value that no configuration has."""
    effective = {pair for config in expansion.configs.values() for pair in config.items()}
    effective |= set(expansion.settings.items())
    for request in (request for row in rows for request in row.values()):
        for value in request.values:
            taken = (request.name, value) in effective or request.name in expansion.solved
            if request.requires(value) and not taken:
                raise UserError(f"{request.at(value)}: never in effect: {_why(request, expansion)}")


def _why(request: Request, expansion: Expansion) -> str:
    """Return the reason of the first row that has the request, its own before another one's."""
    own = f"CONFIG_{request.name}="
    faults = (fault for fault in expansion.faults if fault.row.get(request.name) in request.values)
    reasons = [fault.reason for fault in faults]
    return next((text for text in reasons if text.startswith(own)), reasons[0] if reasons else "")


def _plan(
    symbols: Symbols,
    axes: list[Record],
    expansion: Expansion,
    paths: Sequence[Path] = (),
    notes: Sequence[str] = (),
) -> Plan:
    swept = {axis["symbol"]: None for axis in axes}
    explained = {*swept, weights_file.DIGEST}  # as of files that are swept
    shape = script_plan.shape_symbols(symbols, expansion.settings)
    trials = plan.number(expansion.configs, swept, shape)
    return Plan(
        trials=trials,
        axes=axes,
        settings=expansion.settings,
        sources=staleness.sources(paths, Path(symbols.kconf.srctree)),
        kconfig=staleness.kconfig_hash(symbols),
        counts=expansion.counts(),
        dropped=[{"count": n, "reason": reason} for reason, n in expansion.reasons.items()],
        notes=[
            *notes,
            *combinations.differing(expansion.configs.values(), explained, expansion.solved),
        ],
        design=expansion.design,
        controls=symbols.controls,
        claims=claim_seal.seal(expansion.settings, trials),
        trees=revision.trees(),
    )


def _placed(made: Plan, requested: Requests) -> Plan:
    """Return a plan whose claims know the line that they stand in."""
    if made.claims is None or claim_seal.CLAIM not in requested:
        return made
    place = str(requested[claim_seal.CLAIM].place)
    return replace(made, claims=replace(made.claims, place=place))


def _single(symbols: Symbols, path: Path) -> Plan:
    single = plan_from_files([path], symbols=symbols)
    if len(single.trials) != 1:
        trials = len(single.trials)
        raise UserError(f"{path}: means {trials} trials, not one; use {MAKE} sweep-generate for it")
    return single
