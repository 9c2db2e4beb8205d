"""A sweep from Python: of a range, and of a model or a train function that stands in a notebook."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from espalier.core.arguments import check_count
from espalier.core.component import KINDS
from espalier.core.errors import UserError
from espalier.core.paths import RESULTS
from espalier.core.records import PlanHeader
from espalier.core.trees.added_trees import added
from espalier.kconfig import range_file
from espalier.kconfig.range_file import Setting
from espalier.plan import combinations, planning
from espalier.plan.plan import Plan
from espalier.plan.sweep_naming import (
    UNNAMED,
    SweepNaming,
    read_name,
    read_note,
    read_tags,
)
from espalier.report.frames.loaded_sweep import LoadedSweep, load_sweep
from espalier.run import launch
from espalier.run.executor_choice import LOCAL, check_executor
from espalier.run.launch import LaunchRequest
from espalier.run.workers import fork_servers
from espalier.scripts.model_component import write_model
from espalier.scripts.train_function import write_function
from espalier.search import search_runs
from espalier.search.search_runs import Means
from espalier.search.value_texts import range_text
from espalier.store.results_dir import STORE
from espalier.store.store import Store

Word = TypeVar("Word")
Range: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any]"
ORIGIN = "range"
"""Names a range that is no file in messages."""
_MODEL = KINDS["model"][1]


def sweep(  # noqa: PLR0913  # the variables of make sweep
    range: Range,
    *,
    model: Callable[..., Any] | None = None,
    train: Callable[..., Any] | None = None,
    results: str | os.PathLike[str] | None = None,
    parallel: int | None = None,
    max_trials: int | None = None,
    name: str | None = None,
    note: str | None = None,
    tags: Sequence[str] | None = None,
    new: bool = False,
    allow: str = "",
    in_process: bool = False,
    verbose: bool = True,
    executor: str = LOCAL.executor,
    ray_address: str = LOCAL.address,
) -> LoadedSweep:
    """Plan and run a sweep, as `make sweep` does, and return it as `load_sweep` does.

    `range` is a mapping of symbols to values, `{"LEARNING_RATE": [0.1, 0.2]}`, the text of a range
    file, or a range file. `model` is a class of modules, or a function that returns one; `train`
    is a function of a configuration and a logger that does all of a trial's work: see
    docs/own-model.md. `results` is the folder of all sweeps, `parallel` how many trials run at a
    time, `allow` the hash that a refused range file of programs asks for. Called again it goes on
    where it stopped, and has nothing to do after its end, unless `new` is set or the code of
    `model` or `train` has changed. `in_process` starts no workers: for debuggers. `executor` "ray"
    runs the trials on the Ray cluster at `ray_address`: see docs/cluster.md. Raises UserError
    before anything runs, and KeyboardInterrupt if it is stopped.
    """
    given = _given(model, train)
    folder = _folder(results)
    placement = replace(LOCAL, executor=check_executor(executor), address=ray_address)
    count = _count("parallel", parallel, 0) or 0
    means = Means(folder, count, new, in_process, verbose, placement)
    limit, naming = _count("max_trials", max_trials, 1), _naming(name, note, tags)
    workers = nullcontext() if in_process or train is not None else fork_servers.keeping()
    with given.named_in_errors(), added(given.trees), workers:
        planned = naming.over(_plan(range, given, limit))
        _say_left_out(planned, verbose)
        request = search_runs.request_of(planned, means)
        request = replace(request, naming=naming, allow=allow, command="the same espalier.sweep")
        made = search_runs.finish(_as_code_is(request, verbose), verbose)
    return load_sweep(made)


def _folder(results: str | os.PathLike[str] | None) -> Path:
    if not isinstance(results, str | os.PathLike | None):
        raise UserError(f"results={results!r:.60}: must be a folder")
    return RESULTS if results is None else Path(results)


def _count(name: str, value: int | None, least: int) -> int | None:
    """Return `value`, None or a whole number from `least`. Raises UserError for another."""
    try:
        if value is not None:
            check_count(name, value, least)
    except (TypeError, ValueError) as error:
        raise UserError(str(error)) from None
    return value


def _naming(name: str | None, note: str | None, tags: Sequence[str] | None) -> SweepNaming:
    """Return what a sweep is to be called. Raises UserError."""
    words = tags if isinstance(tags, str | None) else ",".join(map(str, tags))
    return SweepNaming(
        _read_word("name", name, read_name),
        _read_word("note", note, read_note),
        _read_word("tags", words, read_tags),
    )


def _read_word(place: str, text: str | None, read: Callable[[str], Word]) -> Word | None:
    try:
        return None if text is None else read(str(text))
    except UserError as error:
        raise UserError(f"{place}={text!r:.60}: {error}") from None


@dataclass(frozen=True)
class _Given:
    """What Python objects come to: trees, and settings that choose what is in them."""

    label: str = ""  # what names it in messages
    trees: Sequence[Path] = ()
    settings: Sequence[Setting] = ()
    model: str = ""  # the name of the component

    @contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """Let a UserError about a generated tree begin with what the tree was made of."""
        try:
            yield
        except UserError as error:
            if not any(str(error).startswith(str(tree)) for tree in self.trees):
                raise
            raise UserError(f"{self.label}: {str(error).partition(': ')[2]}") from None


def _given(model: Callable[..., Any] | None, train: Callable[..., Any] | None) -> _Given:
    if model is not None and train is not None:
        raise UserError("model, train: a train function builds its own model; leave out model")
    if model is not None:
        name, tree = write_model(model)
        label = f"model={model.__name__}"
        return _Given(label, [tree], [range_file.assign(_MODEL, name, label)], name)
    if train is not None:
        name, tree = write_function(train)
        chosen = {"TRAINER": "function", "TRAIN_FUNCTION": name}
        label = f"train={name.partition(':')[2]}"
        return _Given(label, [tree], range_file.parse(range_text(chosen), label))
    return _Given()


def _plan(text: Range, given: _Given, limit: int | None) -> Plan:
    paths, settings = _read(text)
    chosen = [*(s for path in paths for s in range_file.read(path)), *settings]
    chooses = given.model and any(each.symbol.startswith(_MODEL) for each in chosen)
    own = [] if chooses else given.settings
    planned = planning.plan_from_files(paths, limit, over=[*own, *settings])
    models = {trial.config.get(_MODEL) for trial in planned.trials}
    if given.model and given.model not in models:
        raise UserError(
            f"{given.label}: no trial has it; leave CONFIG_{_MODEL} out of the range, or let it "
            f"have {given.model} too"
        )
    return planned


def _say_left_out(planned: Plan, verbose: bool) -> None:
    """Print which combinations of the range are no trials, and why; nothing if all are."""
    lines = combinations.left_out(planned.counts, planned.dropped)
    if verbose and lines:
        print("\n".join([*lines[1:], ""]), flush=True)


def _read(text: Range) -> tuple[list[Path], list[Setting]]:
    """Return the range file that is named, or the settings that are given. Raises UserError."""
    if isinstance(text, Mapping):
        return [], range_file.parse(range_text(text), ORIGIN)
    if isinstance(text, str) and ("=" in text or "\n" in text or not text.strip()):
        return [], range_file.parse(text, ORIGIN)
    if not isinstance(text, str | os.PathLike):
        rule = "must be a mapping of symbols, the text of a range file, or a range file"
        raise UserError(f"{ORIGIN}={text!r:.60}: {rule}")
    return [planning.find(os.fspath(text))], []


def _as_code_is(request: LaunchRequest, verbose: bool) -> LaunchRequest:
    """Return the request, of a new sweep if the one to go on with was made by other objects."""
    folder = _earlier(request)
    if folder is None:
        return request
    with Store.open(folder / STORE, readonly=True) as store:
        before = store.header
    if _sources(before) == _sources(request.header):
        return request
    if verbose:
        print(f"note: the code has changed since {folder}; a new sweep begins")
    return replace(request, new=True)


def _earlier(request: LaunchRequest) -> Path | None:
    """Return the folder of the sweep to go on with, the newest if none has the name given."""
    try:
        return launch.existing(request)
    except UserError:
        return launch.existing(replace(request, naming=UNNAMED))


def _sources(header: PlanHeader) -> list[str]:
    return [tree["sources"] for tree in header.trees or ()]
