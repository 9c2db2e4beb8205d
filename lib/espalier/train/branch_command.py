"""`resume`: a new sweep of one trial that goes on from a snapshot, as it was or with more epochs.

It is run as any sweep is, so its results, its log and its own snapshots are where those of others
are; what it went on from is a copy, and the trial that it was taken of stays as it is.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from espalier import revision
from espalier.errors import UserError
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.paths import RESULTS
from espalier.sweep import launch, plan, planning, results_dir
from espalier.sweep.plan import Plan
from espalier.sweep.run_commands import ENTRY
from espalier.train import snapshots
from espalier.train.album import FOLDER
from espalier.train.snapshots import Snapshot
from espalier.trial import Trial

FREE = ("NUM_EPOCHS", "LEARNING_RATE", "GRAD_CLIP_NORM")
"""What may be another value: all else is in the snapshot already, where no symbol reaches it."""


def resume(argv: Sequence[str]) -> int:
    """Go on from a snapshot in a sweep of its own, with other values if any are given."""
    parser = argparse.ArgumentParser(prog="resume", description=resume.__doc__)
    parser.add_argument("snapshot", type=Path, help="epoch_N.json or epoch_N.pt of a trial")
    help_text = f"a symbol and its value; one of {', '.join(FREE)}"
    parser.add_argument("change", nargs="*", help=help_text)
    told = "folder of the results (default: a new one)"
    parser.add_argument("--output-dir", type=Path, help=told)
    parser.add_argument("--in-process", action="store_true", help="no workers: for debuggers")
    args = parser.parse_args(argv)
    snapshot = snapshots.load(args.snapshot)
    snapshot.read()  # whether it is whole
    changes = _changes(args.change)
    found = _plan(snapshot, changes)
    folder = args.output_dir or results_dir.timestamped(RESULTS)
    (trial,) = found.trials
    if not (folder / results_dir.STORE).exists():
        _copy(snapshot, trial, folder / results_dir.directory_name(trial, found.controls), changes)
    return launch.run(_request(found, folder, args.in_process))


def _changes(texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in map(_change, texts):
        if name in found:
            raise UserError(f"{name}={value}: already given as {found[name]}; keep one of the two")
        found[name] = value
    return found


def _change(text: str) -> tuple[str, str]:
    name, _, value = text.removeprefix("CONFIG_").partition("=")
    if name not in FREE or not value:
        raise UserError(f"{text}: must be one of {', '.join(f'{one}=VALUE' for one in FREE)}")
    return name, value


def _plan(snapshot: Snapshot, changes: Mapping[str, str]) -> Plan:
    """The plan of its one trial, from the configuration and the settings that it was made with."""
    made, symbols = snapshot.about["made"], Symbols(tree.parse())
    settings = {n: value for n, value in made["settings"].items() if n in symbols}  # some have gone
    wanted = {**made["config"], **changes}
    base = {name: _written(value) for name, value in {**settings, **wanted}.items()}
    try:
        found = planning.plan_from_rows(base, [{}], symbols)
    except UserError as error:  # its place would be a line of rows that nobody wrote
        raise UserError(f"{snapshot.path}: {str(error).partition(': ')[2]}") from error
    if len(found.trials) != 1 or found.trials[0].config != wanted:
        raise UserError(
            f"{snapshot.path}: its configuration is not one of this version any more; "
            "check out the commit that it names"
        )
    if int(wanted["NUM_EPOCHS"]) <= snapshot.epoch:
        rule = f"must be more than the {snapshot.epoch} that are over"
        raise UserError(f"CONFIG_NUM_EPOCHS={wanted['NUM_EPOCHS']}: {rule}")
    return found


def _written(value: str) -> str:
    """As a range file has it: a text that could be taken for several values in quotes."""
    return value if re.fullmatch(r"[\w.+-]+", value) else f'"{value}"'


def _copy(snapshot: Snapshot, trial: Trial, directory: Path, changes: Mapping[str, str]) -> None:
    """Put a copy into the folder of the trial to be, said to be of it and of the code of today."""
    made = snapshot.about["made"]
    branch = {"from": str(snapshot.path), "made_by": made["code"], "changed": dict(changes)}
    now = {"sources": revision.sources(), "versions": revision.versions()}
    (directory / FOLDER).mkdir(parents=True, exist_ok=True)
    path = directory / FOLDER / snapshot.path.name
    stored = snapshots.write_content(path, snapshot.read())
    about = {**snapshot.about, **stored, "made": {**made, **now, "config": dict(trial.config)}}
    snapshots.write_about(path, {**about, "branch": branch})


def _request(found: Plan, folder: Path, in_process: bool) -> launch.Request:
    with tempfile.TemporaryDirectory() as place:
        written = plan.write_plan(found, Path(place) / "plan")
        texts = [(t, plan.config_text(Path(place) / "plan", t)) for t in written.trials]
    return launch.Request(
        header=written.header(),
        trials=texts,
        results=RESULTS,
        output=folder,
        parallel=1,
        pack=1,
        new=False,
        entry=ENTRY,
        in_process=in_process,
        command="the same command, with --output-dir and this folder,",
    )
