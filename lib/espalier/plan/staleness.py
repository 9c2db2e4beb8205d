"""Whether a plan still says what its sources say, and its folder what the plan says."""

from __future__ import annotations

import functools
import hashlib
import shlex
import tempfile
from collections.abc import Iterable
from pathlib import Path

from espalier.core.errors import UserError
from espalier.core.file_digest import file_sha256
from espalier.core.paths import ROOT
from espalier.core.texts.program_name import MAKE
from espalier.core.trees.needed_trees import check_trees, external_text
from espalier.core.trial import Record
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import plan as plans
from espalier.plan import plan_records
from espalier.plan.plan import Plan
from espalier.scripts import script_knobs


def sources(paths: Iterable[Path], root: Path = ROOT) -> list[Record]:
    """Return the path (relative to the checkout if inside) and the hash of every file."""
    return [{"path": _named(path, root), "sha256": file_sha256(path)} for path in paths]


@functools.lru_cache(maxsize=4)
def kconfig_hash(symbols: Symbols) -> str:
    """Return the hash over every file of the Kconfig tree, in reading order."""
    root = Path(symbols.kconf.srctree)
    digest = hashlib.sha256()
    for name in symbols.kconf.kconfig_filenames:
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def check_fresh(plan: Plan, root: Path = ROOT) -> None:
    """Raise UserError if a source of the plan or the Kconfig tree changed since it was made."""
    for source in plan.sources:
        path = root / source["path"]
        if not path.is_file():
            raise UserError(f"{source['path']}: gone since the plan was made; {_again(plan)}")
        if file_sha256(path) != source["sha256"]:
            raise UserError(f"{source['path']}: changed since the plan was made; {_again(plan)}")
    if not plan.kconfig:
        return
    check_trees(plan.trees, plans.PLAN)
    script_knobs.use_of_settings(plan.settings)
    symbols = Symbols(tree.parse(root))
    if plan.kconfig != kconfig_hash(symbols):
        raise UserError(f"Kconfig: the tree changed since the plan was made; {_again(plan)}")
    if odd := plan_records.odd_setting(symbols, plan.settings):
        raise UserError(f"{plans.PLAN}: CONFIG_{odd} has no value of its kind; {_again(plan)}")


def check_files(plan: Plan, directory: Path, root: Path = ROOT) -> None:
    """Raise UserError if a config_NNN of the folder is not as the plan wrote it, or not of it."""
    names = {trial.name for trial in plan.trials}
    for path in sorted(directory.glob("config_*")):
        if path.name not in names:
            raise UserError(
                f"{path}: not part of the plan; move it away, or plan with a range file"
            )
    if plans.files_digest(directory, plan.trials) != plan.files:
        raise UserError(f"{_changed(plan, directory, root)}: edited by hand; {_again(plan)}")


def _changed(plan: Plan, directory: Path, root: Path) -> Path:
    """Return the first file that differs from what the plan would write."""
    with tempfile.TemporaryDirectory() as folder:
        plans.write_configs(plan, Path(folder), Symbols(tree.parse(root)))
        for trial in plan.trials:
            if (directory / trial.name).read_bytes() != (Path(folder) / trial.name).read_bytes():
                return directory / trial.name
    return directory


def _again(plan: Plan) -> str:
    files = " ".join(source["path"] for source in plan.sources)
    named = f"'{files}'" if " " in files else files
    sampler = f" SAMPLER={plan.settings['SAMPLER']}" if plan.design else ""
    given = " ".join(f"{name}={text}" for name, text in (plan.assignments or {}).items())
    over = f" SET={shlex.quote(given)}" if given else ""
    trees = f" {text}" if (text := external_text(plan.trees)) else ""
    return (
        f"plan again: {MAKE} sweep-generate RANGE_CONFIG={named}{sampler}{over}{trees} "
        "(the same trials continue their sweep; others begin a new one)"
    )


def _named(path: Path, root: Path) -> str:
    full = path.resolve()
    return full.relative_to(root).as_posix() if full.is_relative_to(root) else str(full)
