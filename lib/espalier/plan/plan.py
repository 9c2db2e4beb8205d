"""A plan: the ordered trials of a sweep, and the folder that holds them.

The folder has one `config_NNN` a trial (a complete `.config`), `combinations_summary.txt` for
people and `plan.jsonl`, which is the plan: a header line and one line a trial.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from espalier.core import names
from espalier.core.errors import UserError
from espalier.core.records import PlanHeader, PlanOrigin
from espalier.core.text_files import read_text, read_user_text, split_lines
from espalier.core.texts.program_name import MAKE
from espalier.core.trial import Trial
from espalier.kconfig import assign, tree
from espalier.kconfig.symbols import Symbols
from espalier.plan import claim_seal, combinations, drafts, plan_records
from espalier.plan.samplers.design_text import design_lines
from espalier.plan.stopping.stop_rules import rules_text

PLAN = "plan.jsonl"
SUMMARY = "combinations_summary.txt"
_OURS = re.compile(rf"config_[0-9]+|{re.escape(PLAN)}|{re.escape(SUMMARY)}")


@dataclass(frozen=True, kw_only=True)
class Plan(PlanOrigin):
    """The trials of a sweep, in order, and where they come from."""

    trials: list[Trial]

    @property
    def plan_id(self) -> str:
        """A hash of the trials' ids in order, and of the rules by which they stop early.

        That of a sampler that learns has its name too, since what follows is of that sampler.
        """
        learns = [str(self.design["sampler"])] if "proposals" in self.design else []
        names = [*learns, *(trial.id for trial in self.trials)]
        text = " ".join(names) + rules_text(self.settings)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def header(self) -> PlanHeader:
        """Return the first line of plan.jsonl."""
        counted = {**vars(self), "trials": len(self.trials)}
        return PlanHeader(**counted, plan_id=self.plan_id)


def number(
    configs: dict[str, dict[str, str]], axes: Iterable[str], same: Iterable[str]
) -> list[Trial]:
    """Make trials of the configurations by id, in order, named config_001 and on.

    `same` are the symbols that trials trained as one program must agree in; without any none is.
    """
    width = max(3, len(str(len(configs))))
    varied = [a for a in axes if len({c.get(a) for c in configs.values()}) > 1]
    same = list(same)
    return [
        Trial(n, f"config_{n:0{width}}", key, config, _part(config, varied), _shape(config, same))
        for n, (key, config) in enumerate(configs.items(), start=1)
    ]


def _part(config: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name: config[name] for name in names if name in config}


def _shape(config: Mapping[str, str], same: Sequence[str]) -> str:
    """Hash what trials of one shape have in common to 12 hex digits; empty if it is nothing."""
    if not same:
        return ""
    text = json.dumps(_part(config, same), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write_plan(plan: Plan, directory: Path, symbols: Symbols | None = None) -> Plan:
    """Replace `directory` by this plan at once; return the plan as written, with its hash.

    Raises UserError if the folder holds anything that a plan did not put there.
    """
    check_ours(directory)
    symbols = symbols or Symbols(tree.parse())
    drafts.sweep_up(directory)
    draft = drafts.create(directory)
    try:
        written = _fill(plan, draft, symbols)
        drafts.swap(draft, directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return written


def read_plan(directory: Path) -> Plan:
    """Read the plan of a folder. Raises UserError if there is none or it is damaged."""
    path = directory / PLAN
    if not path.is_file():
        raise UserError(f"{path}: no plan; make one with: {MAKE} sweep-generate RANGE_CONFIG=...")
    try:
        header, trials = plan_records.read(split_lines(read_text(path)))
        origin = {name: getattr(header, name) for name in PlanOrigin.__dataclass_fields__}
        plan = Plan(**origin, trials=trials)
        is_whole = plan.header() == header and _is_sealed(plan)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UserError(f"{path}: damaged; make it again: {MAKE} sweep-generate") from None
    if not is_whole:
        raise UserError(f"{path}: damaged or of another version; make it again") from None
    return plan


def _is_sealed(plan: Plan) -> bool:
    return plan.claims is None or claim_seal.is_intact(plan.claims)


def config_text(directory: Path, trial: Trial) -> str:
    """Return the text of the trial's config_NNN."""
    return read_user_text(directory / names.checked(trial.name, directory / PLAN))


def config_texts(directory: Path, trials: Iterable[Trial]) -> list[tuple[Trial, str]]:
    """Return each trial with the text of its config_NNN."""
    return [(trial, config_text(directory, trial)) for trial in trials]


def render(plan: Plan) -> tuple[Plan, list[tuple[Trial, str]]]:
    """Return a plan as it would be written, and its trials with the texts of their configs."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place) / "plan"
        written = write_plan(plan, directory)
        return written, config_texts(directory, written.trials)


def files_digest(directory: Path, trials: Iterable[Trial]) -> str:
    """Hash every config_NNN in order. Raises UserError if one is missing."""
    digest = hashlib.sha256()
    for trial in trials:
        try:
            digest.update((directory / trial.name).read_bytes())
        except OSError:
            raise UserError(
                f"{directory / trial.name}: missing; run sweep-generate again"
            ) from None
    return digest.hexdigest()


def write_configs(plan: Plan, directory: Path, symbols: Symbols) -> None:
    """Write a complete `.config` for each trial, with one tree, as they differ by little."""
    symbols.kconf.warn = False
    symbols.kconf.unset_values()
    assign.load(symbols, plan.settings)
    for trial in plan.trials:
        assign.load(symbols, trial.config)
        symbols.kconf.write_config(str(directory / trial.name), save_old=False)


def check_ours(directory: Path) -> None:
    """Raise UserError unless `directory` is absent, empty or a plan's and nothing else."""
    if not directory.parent.is_dir():
        raise UserError(f"{directory}: there is no folder {directory.parent}; make it first")
    if not directory.exists():
        return
    if not directory.is_dir() or directory.is_symlink():
        raise UserError(f"{directory}: is not a folder; name another with --output-dir")
    names = sorted(p.name for p in directory.iterdir())
    foreign = [name for name in names if not _OURS.fullmatch(name)]
    if foreign or (names and PLAN not in names):
        named = foreign[0] if foreign else names[0]
        raise UserError(
            f"{directory}: holds {named}, which no plan wrote, so it is not replaced; "
            "move it away or name another folder with --output-dir"
        )


def _fill(plan: Plan, draft: Path, symbols: Symbols) -> Plan:
    write_configs(plan, draft, symbols)
    written = replace(plan, files=files_digest(draft, plan.trials))
    notes = [*design_lines(plan.design), *combinations.left_out(plan.counts, plan.dropped)]
    summary = combinations.summary(plan.axes, plan.trials, notes)
    (draft / SUMMARY).write_text(summary, encoding="utf-8")
    records = [written.header().as_json(), *(trial.as_json() for trial in written.trials)]
    text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    (draft / PLAN).write_text(text, encoding="utf-8")
    return written
