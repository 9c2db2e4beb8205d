"""`remap`: give the tensors of a file the names that the configured model has for them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from espalier.contracts import CannotTrain
from espalier.errors import UserError
from espalier.kconfig import dotconfig
from espalier.remapping import Remapping, State, remap
from espalier.sweep import planning
from espalier.train import entry, tensor_files
from espalier.trial import Job

WHERE = ("state", "state_dict", "model_state_dict", "model")
"""Under which names a checkpoint keeps the model's state."""


def main(argv: Sequence[str]) -> int:
    """Remap the names of a state dict; 0 if every tensor has its place, else 1 or 2."""
    parser = argparse.ArgumentParser(prog="remap", description=main.__doc__)
    parser.add_argument("state", type=Path, help="a file that torch.save wrote")
    parser.add_argument("--model", type=Path, help="the .config of the model (default: .config)")
    told = "call a name, or what names begin with, otherwise first; any number of times"
    parser.add_argument("--rename", action="append", default=[], metavar="OLD=NEW", help=told)
    parser.add_argument("--dry-run", action="store_true", help="only report")
    parser.add_argument("--out", type=Path, help="the file to write the renamed state dict to")
    args = parser.parse_args(argv)
    if not (args.dry_run or args.out):
        raise UserError("remap: nothing to do: give --out FILE, or --dry-run to see the report")
    state = state_in(tensor_files.read(args.state), args.state)
    found = remap(
        state, _model(args.model or dotconfig.path()), renames=_renames(args.rename), dry_run=True
    )
    print("\n".join(found.lines()))
    return _written(found, args)


def _written(found: Remapping, args: Any) -> int:
    if args.dry_run:
        return 0 if found.complete else 1
    if not found.complete:
        fix = "give --rename OLD=NEW"
        raise UserError(f"{args.state}: does not fit the model: {found.trouble()}; {fix}")
    try:
        tensor_files.write(args.out, found.state)
    except OSError as error:
        raise UserError(f"{args.out}: {error.strerror or error}") from None
    print(f"{len(found.state)} tensors: {args.out}")
    return 0


def state_in(record: dict[str, Any], place: Path) -> State:
    """The state dict in a file: all of it, or one of its parts. Raises UserError."""
    candidates = [record, *(record[name] for name in WHERE if name in record)]
    for one in candidates:
        if isinstance(one, dict) and one and all(isinstance(t, Tensor) for t in one.values()):
            return one
    raise UserError(f"{place}: must hold tensors by name, or such a dict as one of {WHERE}")


def _renames(texts: Sequence[str]) -> dict[str, str]:
    for text in texts:
        if text.count("=") != 1 or not all(text.split("=")):
            raise UserError(f"--rename {text}: must be OLD=NEW")
    pairs = (text.split("=") for text in texts)
    return {old: new for old, new in pairs}


def _model(path: Path) -> nn.Module:
    found = planning.plan_of_one(path, "remapped")
    job = Job(found.trials[0], found.settings, path.parent, lambda record: None)
    try:
        return entry.prepare(job)[0].run.model
    except CannotTrain as error:
        raise UserError(f"{path}: {error}") from None
