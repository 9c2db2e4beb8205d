"""The contract of every component, whatever its kind: a newcomer's file is tested before its
author writes a test.

Fields and symbols are the same set, Kconfig alone has the defaults, each fragment has its Python
file and the reverse, and no other file branches on a component's name.
"""

import ast
import dataclasses
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from espalier.core import component, contracts
from espalier.core.paths import ROOT
from espalier.core.trees import own_trees
from espalier.core.trees.tree_layout import fragments
from espalier.kconfig import defaults as defaults_of_kconfig
from espalier.kconfig import tree
from espalier.kconfig.symbols import Symbols
from espalier.plan.outside_files import script_plan
from espalier.plan.samplers.sampler import Sampler
from espalier.rates.rate_options import RatePlan
from espalier.scripts import command_template
from espalier.scripts.programs import output_pattern
from espalier.train.building.parameter_budget import Budget
from espalier.train.building.starting_point import StartPlan
from espalier.train.checkpoints.model_files import ModelSaving
from espalier.train.checkpoints.snapshot_manager import SnapshotPlan
from espalier.train.data.augment import Augmentation
from espalier.train.data.device_residency import ResidencyPlan
from espalier.train.data.shift_schedule import ShiftPlan
from espalier.train.data.splits import DataPlan
from espalier.train.data.text_windows import WindowPlan
from espalier.train.engine.trainer import Recipe
from espalier.train.micro_batching import MicroBatchPlan
from espalier.train.trial_time import TimePlan

BASES = {
    "model": contracts.Model,
    "dataset": contracts.Dataset,
    "optimizer": contracts.Optimizer,
    "lr_schedule": contracts.LrSchedule,
    "method": contracts.Method,
    "sampler": Sampler,
}
SHARED = [
    Budget,
    DataPlan,
    WindowPlan,
    Augmentation,
    RatePlan,
    Recipe,
    ShiftPlan,
    ResidencyPlan,
    MicroBatchPlan,
    ModelSaving,
    SnapshotPlan,
    StartPlan,
    TimePlan,
]  # dataclasses of symbols that are no components
PLAIN = {"none", "state", "step", "magnitude", "text", "folder", "grid", "random"}
"""Names that are plain English or option values too."""
COMPONENTS = [(kind, name) for kind in component.ALL_KINDS for name in component.names(kind)]
LIBRARY = ROOT / "lib" / "espalier"


@pytest.fixture(scope="module")
def kconf():
    return tree.parse()


def rooms(kind):
    return own_trees.rooms(component.ALL_KINDS[kind][0])


def cls_of(kind, name):
    return component.find(kind, name, BASES[kind])


def leaves(cls, prefix):
    """(symbol, type) of every symbol that building `cls` can read."""
    hints = get_type_hints(cls)
    for item in dataclasses.fields(cls):
        kind = component.without_none(hints[item.name])
        name = component.symbol_of(item, prefix)
        if component.is_group(kind):
            yield from leaves(kind, name)
        else:
            yield name, kind


def groups(cls):
    """`cls` and the dataclasses that its fields nest."""
    kinds = [component.without_none(hint) for hint in get_type_hints(cls).values()]
    return [cls, *(inner for kind in kinds if component.is_group(kind) for inner in groups(kind))]


def assert_kconfig_has_the_defaults(kconf, cls, prefix):
    for group in groups(cls):
        defaults = {item.name: item.default for item in dataclasses.fields(group)}
        assert set(defaults.values()) <= {None, dataclasses.MISSING}, f"{group}: {defaults}"
    for name, kind in leaves(cls, prefix):
        assert component.read(defaults_of_kconfig.read(), name, kind) is not None
        if get_origin(kind) is Literal:
            members = [s.name.removeprefix(f"{name}_") for s in kconf.named_choices[name].syms]
            assert sorted(map(str.lower, members)) == sorted(get_args(kind))


def prompted(symbols, path):
    """Symbols and choices with a prompt in the file `path`, choice members left out."""
    nodes = {name: symbols.item(name).nodes for name in symbols.prompted}
    return {
        name for name, at in nodes.items() if path in {(ROOT / n.filename).resolve() for n in at}
    }


@pytest.mark.parametrize("kind", component.ALL_KINDS)
def test_the_choice_offers_exactly_the_components(kconf, kind):
    choice = kconf.named_choices[component.ALL_KINDS[kind][1]]
    offered = {Path(s.nodes[0].filename).stem: s.name.lower() for s in choice.syms}
    assert sorted(offered) == component.names(kind)
    prefix = "sampler" if kind in component.SWEEP_KINDS else "select"
    assert all(member.endswith(f"{prefix}_{name}") for name, member in offered.items())


@pytest.mark.parametrize("kind", component.ALL_KINDS)
def test_python_files_with_a_component_have_a_fragment(kind):
    paths = (path for room in rooms(kind) for path in room.glob("*.py"))
    defining = [p.stem for p in paths if _defines(p, BASES[kind].__name__)]
    classes = [cls_of(kind, name) for name in component.names(kind)]
    own = {base.__module__.rsplit(".")[-1] for cls in classes for base in cls.__mro__}
    assert sorted(set(defining) - own) == []


def _defines(path, base):
    tops = ast.parse(path.read_text(encoding="utf-8")).body
    bases = [b for item in tops if isinstance(item, ast.ClassDef) for b in item.bases]
    plain = [b.value if isinstance(b, ast.Subscript) else b for b in bases]
    return any(isinstance(b, ast.Name) and b.id == base for b in plain)


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_a_component_is_one_frozen_dataclass_that_builds_from_nothing(kind, name):
    cls = cls_of(kind, name)
    assert dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen
    assert cls() == cls() and hash(cls()) == hash(cls())


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_kconfig_has_the_defaults_of_a_component(kconf, kind, name):
    assert_kconfig_has_the_defaults(kconf, cls_of(kind, name), name.upper())


@pytest.mark.parametrize("cls", SHARED)
def test_kconfig_has_the_defaults_of_shared_symbols(kconf, cls):
    assert_kconfig_has_the_defaults(kconf, cls, "")


@pytest.mark.parametrize(("kind", "name"), COMPONENTS)
def test_every_symbol_of_a_fragment_is_a_field(kconf, kind, name):
    (path,) = (p for room in rooms(kind) for p in fragments(room) if p.stem == name)
    fields = {symbol for symbol, _ in leaves(cls_of(kind, name), name.upper())}
    assert prompted(Symbols(kconf), path.resolve()) <= fields


def test_every_symbol_of_a_trial_reaches_some_field(kconf):
    fields = {choice for _, choice in component.KINDS.values()}
    for cls in SHARED:
        fields |= {symbol for symbol, _ in leaves(cls, "")}
    for kind, name in COMPONENTS:
        fields |= {symbol for symbol, _ in leaves(cls_of(kind, name), name.upper())}
    fields |= {command_template.SCRIPT, output_pattern.SYMBOL, script_plan.FUNCTION}  # no networks
    of_trials = Symbols(kconf).identity
    assert sorted(symbol for symbol in set(of_trials) - fields if not _of_the_matrix(symbol)) == []


def _of_the_matrix(symbol):
    """Switches of the test matrix are turned into axes and are in no trial."""
    prefixes = [f"{prefix}_" for _, prefix, _ in tree.MATRIX.values()]
    return symbol.endswith("_MODE") or symbol.startswith((*prefixes, "SPARSITY_ENABLE_"))


def test_no_other_file_names_a_component():
    """Literals only; words that are also plain English or option values cannot be told apart."""
    names = {name for _, name in COMPONENTS} - PLAIN
    own = {room.resolve() for kind in component.ALL_KINDS for room in rooms(kind)}
    own |= {path.resolve().parent for path in (LIBRARY / "methods").glob("*/*.Kconfig")}
    smears = [
        f"{path.relative_to(LIBRARY)}:{node.lineno}: {node.value}"
        for path in LIBRARY.rglob("*.py")
        if path.resolve().parent not in own
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert smears == []
