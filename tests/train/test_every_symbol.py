"""Every symbol of a trial's identity reaches the run.

Each symbol is changed in a small real training run, in a setting where Kconfig shows it, and the
run must come out different: other weights, another history, or, where the numbers are meant to
stay, another observable state of the engine.
"""

import functools
import hashlib
import itertools
import random
from decimal import Decimal

import kconfiglib
import pytest
import small_files
import torch

from espalier.core import component
from espalier.core.contracts import Method
from espalier.core.trial import Task, Trial
from espalier.datasets import text
from espalier.kconfig import assign
from espalier.kconfig.symbols import Symbols
from espalier.kconfig.tree import parse
from espalier.kconfig.values import canonical
from espalier.methods.growth.growing_method import GrowingMethod
from espalier.train import worker_entry
from espalier.train.loop import Loop

SYMBOLS = Symbols(parse())

SETTINGS = {
    "DEVICE": "cpu",
    "DATA_MEMORY": "0",
    "DATA_WORKERS": "0",
    "MICRO_BATCH": "0",
    "DOWNLOAD": "n",
    "DEBUG_CHECKS": "y",
}

# Small enough to train in a tenth of a second, long enough for every mechanism to act: 90
# updates, pruning from the fourth on, an optimizer reset after the tenth.
BASE = {
    "TRAIN_SUBSET": "120",
    "BATCH_SIZE": "4",
    "NUM_EPOCHS": "3",
    "MLP_WIDTH": "16",
    "PRUNING_WARMUP": "3",
    "PRUNING_RAMP_END_EPOCH": "2",
    "PRUNING_FREQUENCY": "7",
    "LEARNING_RATE": "0.01",
    "STEP_EVERY_EPOCHS": "1",
    "TEXT_LENGTH": "4000",
    "TEXT_CONTEXT": "8",
    "CHARLM_WIDTH": "8",
    "CHARLM_LAYERS": "1",
    "CHARLM_HEADS": "2",
    "CHARLM_INNER": "16",
    "APOPTOSIS_RATE": "0.2",
    "APOPTOSIS_INTERVAL": "20",
    "APOPTOSIS_MATURITY": "15",
    "APOPTOSIS_FUNCTIONAL_PRESERVATION_STEPS": "5",
    "APOPTOSIS_FADE_STEPS": "5",
    "APOPTOSIS_TURNOVER_RATE": "0.2",
    "APOPTOSIS_TURNOVER_INTERVAL": "10",
    "APOPTOSIS_HYBRID_TURNOVER_RATE": "0.2",
    "APOPTOSIS_HYBRID_INTERVAL": "20",
    "APOPTOSIS_GROWTH_RATE": "0.2",
    "APOPTOSIS_GROWTH_INTERVAL": "20",
    "APOPTOSIS_LAYERS_MAX_LIFESPAN": "20",
    "APOPTOSIS_LAYERS_MATURATION": "5",
    "APOPTOSIS_LAYERS_INTERVAL": "5",
    "RESAMPLING_STEPS": "10",
    "DROPLINEAR_STEPS": "10",
    "SPARSE_EVERY": "10",
    "TOURNAMENT_STEPS": "3",
    "RATES_COMPONENT_NEW_STEPS": "10",
    "RATES_COMPONENT_ACTIVE_STEPS": "20",
    "RATES_GROWTH_RECOVERY": "20",
    "RATES_DIFFERENTIAL_RECOVERY": "20",
    "RATES_SEDIMENTARY_GEOLOGICAL": "4",
    "SHIFT_EPOCHS": "1",
}

# Where the first value after the present one would change nothing yet, or not be allowed.
OTHER = {
    "APOPTOSIS_GROWTH_MAX_CAPACITY": "1.2",
    "APOPTOSIS_LAYER_NAMES": "1",
    "APOPTOSIS_LAYERS_BIRTH_SHARE": "0.66",
    "APOPTOSIS_LAYERS_MATURATION": "70",
    "APOPTOSIS_LAYERS_TARGETS": "blocks.*.ffn.3",
    "APOPTOSIS_LAYERS_THRESHOLD": "0.5",
    "APOPTOSIS_MATURITY": "45",
    "ADV_CLIP_NORM": "0.1",
    "BATCH_SIZE": "8",
    "EARLY_STOP_MIN_DELTA": "100",
    "MULTISCALE_FACTORS": "4,2,1",
    "MULTISCALE_SHARE": "0.6",
    "SPARSE_START_EPOCHS": "1",
    "GRAD_CLIP_NORM": "0.1",
    "GROWTH_ALARMS": "1e-9",
    "HIGHWAYS_COUNT": "1",
    "HIGHWAYS_EDGES": "7",
    "INDEFINITE_GAIN": "1000000",
    "TOURNAMENT_STEPS": "1",
    "TOURNAMENT_GAIN": "1000",
    "TOURNAMENT_LEVEL": "1e-12",
    "SPAM_THETA": "1",
    "SPAM_SPIKE_THRESHOLD": "0.5",
    "BLOCKS_SIZES": "32",
    "STEP_EVERY_EPOCHS": "2",
    "TRAIN_SUBSET": "130",
    "CHARLM_WIDTH": "10",
    "CHARLM_HEADS": "4",
    "TEXT_FILE": "other.txt",
    "TEXT_SHIFT_FILE": "other.txt",
}

# A rate at which validation gets worse after a few epochs.
STOPPING = {"OPTIMIZER": "adam", "LEARNING_RATE": "0.1", "NUM_EPOCHS": "8"}
STOPPING |= {"EARLY_STOP_PATIENCE": "1"}

RETURN = {"DATASET": "text", "TEXT_VOCABULARY": "shared", "SHIFT": "return"}

DEEP = {"DATASET": "text", "CHARLM_LAYERS": "3"}

SPARSE = {"MODEL": "sparse_mlp"}

PROPORTIONAL = {"MODEL": "blocks", "PRUNING_METHOD": "proportional"}
THREE_LAYERS = {"MODEL": "blocks", "BLOCKS_SIZES": "20,20,20"}
HIGHWAYS = {**THREE_LAYERS, "PRUNING_METHOD": "highways"}
PATCHES = {"MODEL": "blocks", "PRUNING_METHOD": "patches"}
DYING = {**PATCHES, "PATCHES_WHERE": "extrema", "BLOCKS_DENSITY": "0.02"}


def rates(strategy, **more):
    """A setting in which a strategy for rates of single parts has something to say."""
    besides = {f"RATES_{name}": value for name, value in more.items()}
    return {"RATES": strategy, "PRUNING_METHOD": "set", "MODEL": "mlp", **besides}


def rates_of(name):
    """That of a symbol of one strategy."""
    strategy = name.removeprefix("RATES_").partition("_")[0].lower()
    return rates(strategy) if strategy in SYMBOLS.members("RATES") else {}


OTHER_RATES = ("none", "combined", "several")
STEEP = {f"DIFFERENTIAL_{where}": "0.05" for where in ("GROWN", "ADJACENT", "DISTANT")}
RATES = [name.upper() for name in SYMBOLS.members("RATES") if name not in OTHER_RATES]
ONE_LAYER = {
    "PRUNING_METHOD": "apoptosis_functional",
    "MLP_LAYERS": "4",
    "APOPTOSIS_PATTERN": "named",
    "APOPTOSIS_LAYER_NAMES": "1",
}

BLOCKS = {"MODEL": "blocks"}
GROWING = [
    name
    for name in component.names("method")
    if issubclass(component.find("method", name, Method), GrowingMethod)
]
GROW = {**BLOCKS, "PRUNING_METHOD": "grow", "GROW_TO": "0.4"}
TOURNAMENT = {**BLOCKS, "BLOCKS_SIZES": "16,16", "GROWTH_EVENTS": "2"}
NOISE = {**GROW, "GROWTH_TRIGGER": "variance", "NUM_EPOCHS": "9", "GROWTH_WINDOW": "50"}
NOISE |= {"GROWTH_REFERENCE": "1", "GROWTH_ALARMS": "0.45"}
STUCK = {**GROW, "GROWTH_TRIGGER": "plateau", "NUM_EPOCHS": "9", "GROWTH_PATIENCE": "1"}
STUCK |= {"GROWTH_MARGIN": "0.5"}
CREDITS = {**GROW, "GROWTH_PAY": "credits"}

# What has to be set besides, for a symbol's effect to come within 90 updates, or one value's.
BESIDES = {
    "APOPTOSIS_ORTHOGONAL_PARTS": {"APOPTOSIS_FITNESS": "weight"},
    "APOPTOSIS_PATTERN": {"MLP_LAYERS": "4", "APOPTOSIS_LAYER_NAMES": "1"},
    "SPAM_PERIODIC_RESET": {"SPAM_INTERVAL": "10"},
    "SPAM_INTERVAL": {"SPAM_PERIODIC_RESET": "y", "SPAM_INTERVAL": "10"},
    "SPAM_WARMUP": {"SPAM_PERIODIC_RESET": "y", "SPAM_INTERVAL": "10"},
    "SPAM_WARMUP_STEPS": {"SPAM_PERIODIC_RESET": "y", "SPAM_WARMUP": "y", "SPAM_INTERVAL": "10"},
    "SPAM_THETA": {"SPAM_ENABLE_CLIP": "y", "SPAM_THETA": "50"},
    "SPAM_ENABLE_CLIP": {"SPAM_THETA": "1"},
    "MODEL": {"TRAIN_SUBSET": "20", "BATCH_SIZE": "10"},  # large: six updates are enough
    "RESNET50_STEM": {"TRAIN_SUBSET": "20", "BATCH_SIZE": "10"},
    "TEXT_FILE": {"DATASET": "text", "TEXT_CORPUS": "file", "TEXT_FILE": "text.txt"},
    "TEXT_CORPUS": {"DATASET": "text", "TEXT_FILE": "text.txt"},
    "EARLY_STOP_PATIENCE": {**STOPPING, "EARLY_STOP_PATIENCE": "0"},
    "INDEFINITE_ROUNDS": {"INDEFINITE_GAIN": "1000000"},
    "SPARSE_ALLOCATION": {"MODEL": "lenet5"},  # ER and ERK are one for linear layers
    "SPARSE_START": {"SPARSE_DENSITY": "0.5"},
    "SPARSE_START_EPOCHS": {"SPARSE_DENSITY": "0.5"},
    "EARLY_STOP_BY": STOPPING,
    "EARLY_STOP_COOLDOWN": {**STOPPING, "PRUNING_METHOD": "apoptosis_growth"},
    "EARLY_STOP_MIN_DELTA": STOPPING,
    "PRUNING_METHOD": DEEP,
    **{("PRUNING_METHOD", name): BLOCKS for name in GROWING},
    **{name: GROW for name in SYMBOLS.identity if name.startswith(("GROWTH_", "GROW_"))},
    **{f"GROWTH_{name}": NOISE for name in ("WINDOW", "REFERENCE", "ALARMS")},
    ("GROWTH_TRIGGER", "variance"): {**NOISE, "GROWTH_TRIGGER": "clock"},
    ("GROWTH_TRIGGER", "plateau"): {**STUCK, "GROWTH_TRIGGER": "clock"},
    **{f"GROWTH_{name}": STUCK for name in ("PATIENCE", "MARGIN")},
    **{f"GROWTH_{name}": CREDITS for name in ("INCOME", "PRICE", "DOUBLING", "SMOOTHING")},
    **{name: TOURNAMENT for name in SYMBOLS.identity if name.startswith("TOURNAMENT_")},
    ("PRUNING_METHOD", "tournament"): TOURNAMENT,
    ("PRUNING_METHOD", "resampling"): {"MODEL": "dendritic_with_hidden"},
    **{name: SPARSE for name in SYMBOLS.identity if name.startswith("RESAMPLING_")},
    **{name: DEEP for name in SYMBOLS.identity if name.startswith("APOPTOSIS_LAYERS_")},
    **{name: PATCHES for name in SYMBOLS.identity if name.startswith("PATCHES_")},
    **{name: PROPORTIONAL for name in SYMBOLS.identity if name.startswith("PROPORTIONAL_")},
    "PROPORTIONAL_FLOOR": {**PROPORTIONAL, "PROPORTIONAL_RATE": "0.9", "PROPORTIONAL_SKIPS": "1"},
    **{name: HIGHWAYS for name in SYMBOLS.identity if name.startswith("HIGHWAYS_")},
    "HIGHWAYS_REACH": {**HIGHWAYS, "BLOCKS_SIZES": "20,20,20,20"},
    ("PRUNING_METHOD", "highways"): THREE_LAYERS,
    **{name: DYING for name in ("PATCHES_REVIVE", "PATCHES_FIRING")},
    "APOPTOSIS_LAYERS_BIRTH_SHARE": {**DEEP, "APOPTOSIS_LAYERS_MATURATION": "30"},
    "SHIFT": {"DATASET": "text", "TEXT_VOCABULARY": "shared"},
    "SHIFT_EPOCHS": {"SHIFT": "permuted", "NUM_EPOCHS": "4"},
    **{name: rates_of(name) for name in SYMBOLS.identity if name.startswith("RATES_")},
    **{f"RATES_WITH_{name}": rates("several", WITH_LARS="y") for name in RATES},
    "RATES_WITH_LARS": rates("several", WITH_CASCADE="y"),
    ("RATES", "several"): rates("several", WITH_CASCADE="y"),
    "RATES_AGE_FLOOR": rates("age", AGE_DECAY="0.01"),
    "RATES_GROWTH_FLOOR": rates("growth", GROWTH_SHOCK="0.05"),
    "RATES_DIFFERENTIAL_FLOOR": rates("differential", **STEEP),
    "RATES_DIFFERENTIAL_ADJACENT": {**rates("differential"), **ONE_LAYER},
    "RATES_DIFFERENTIAL_DISTANT": {**rates("differential"), **ONE_LAYER},
    "RATES_LEAST": rates("lars", LARS_TRUST="1e-6"),
    "RATES_MOST": rates("lars", LARS_TRUST="1000"),
    "TEXT_SHIFT_CORPUS": {**RETURN, "TEXT_SHIFT_FILE": "text.txt"},
    "TEXT_SHIFT_FILE": {
        **RETURN,
        "TEXT_SHIFT_CORPUS": "file",
        "TEXT_SHIFT_FILE": "text.txt",
    },
}

# Meant to leave the numbers as they are; each has a test of its own below.
ENGINE = {"CPU_THREADS", "DEVICES_PER_TRIAL", "COMPILE", "AMP", "DATA_VERIFY", "TEXT_LEAK_LOSS"}
ENGINE |= {"MAX_PARAMS", "MIN_PARAMS_SHARE"}


@functools.cache
def deciding(name):
    """The choices that the visibility of a symbol or choice depends on, through hidden ones too."""
    seen, waiting, choices = set(), [SYMBOLS.item(name)], set()
    while waiting:
        item = waiting.pop()
        if item in seen:
            continue
        seen.add(item)
        parts = [*getattr(item, "syms", ()), *kconfiglib.expr_items(item.direct_dep)]
        parts += kconfiglib.expr_items(getattr(item, "rev_dep", item.direct_dep))
        if getattr(item, "choice", None) is not None:
            choices.add(item.choice.name)
            parts.append(item.choice)
        waiting += [part for part in parts if isinstance(part, ITEMS)]
    return [n for n in SYMBOLS.identity if n in choices - {name} and SYMBOLS.kind(n) == "choice"]


ITEMS = (kconfiglib.Symbol, kconfiglib.Choice)


def contexts(name):
    """Choices to make so that `name` shows, of those that decide on it."""
    return choices_of(deciding(name))


def choices_of(names):
    """No choice made, one member of one of `names`, or a member of two of them."""
    members = {n: list(SYMBOLS.members(n)) for n in names}
    yield {}
    for first_name, values in members.items():
        yield from ({first_name: value} for value in values)
    for first_name, second_name in itertools.permutations(members, 2):
        for first, second in itertools.product(members[first_name], members[second_name]):
            yield {first_name: first, second_name: second}


def config(wishes, shown=()):
    """The effective configuration under `wishes`, or None if one of them does not take.

    None, too, if one of the names `shown` is hidden: most are, and that is soon seen.
    """
    SYMBOLS.kconf.unset_values()
    for _ in range(2):  # a later wish may be what makes an earlier one visible
        for name, value in wishes.items():
            assign.put(SYMBOLS, name, value)
    if not all(assign.is_active(SYMBOLS, name) for name in shown):
        return None
    if not all(takes(name, value) for name, value in wishes.items()):
        return None
    return assign.effective_config(SYMBOLS, SYMBOLS.identity)


def takes(name, value):
    """Whether `name` is hidden now or has that value."""
    return not assign.is_active(SYMBOLS, name) or assign.effective(SYMBOLS, name) == value


@functools.cache
def setting_for(name):
    """A configuration in which `name` is active and every choice made for it took."""
    for context in contexts(name):
        built = config({**BASE, **context, **BESIDES.get(name, {})}, [name, *context])
        if built and all(built[n] == v for n, v in context.items()):
            return built
    raise AssertionError(f"no setting shows CONFIG_{name}")


def others(name):
    """Values of `name` to change to: each member of a choice, one value of anything else."""
    kind, present = SYMBOLS.kind(name), setting_for(name)[name]
    if kind == "choice":
        return [value for value in SYMBOLS.members(name) if value != present]
    if kind == "bool":
        return ["n" if present == "y" else "y"]
    if name in OTHER:
        return [OTHER[name]]
    return [str(int(present) + 1) if kind == "int" else canonical(kind, half(present))]


def half(number):
    return str(Decimal(number) / 2 or "0.5")


def cases():
    for name in SYMBOLS.identity:
        if name not in ENGINE:
            yield from ((name, value) for value in others(name))


CASES = list(cases())


def outcomes(values, data_dir):
    """What a training run under `values` has come to after each epoch, as comparable text."""
    settings = {**SETTINGS, "DATA_DIR": data_dir}
    trial = Trial(1, "config_001", "0", {**values, **files_unverified(values)})
    trainer, _ = worker_entry.prepare(Task.single(trial, settings, None))
    for _, record in Loop([trainer]).epochs():
        last = {name: value for name, value in record.items() if not name.endswith("seconds")}
        weights = torch.cat([p.detach().flatten() for p in trainer.run.model.parameters()])
        yield repr((sorted(last.items()), float(weights.double().abs().sum()), len(weights)))


def files_unverified(values):
    return {"DATA_VERIFY": "n"} if "DATA_VERIFY" in values else {}


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    small_files.write_idx(folder, "MNIST", train=200)
    small_files.write_idx(folder, "FashionMNIST", train=200)
    small_files.write_batches(folder, classes=10, samples=40)
    small_files.write_batches(folder, classes=100, samples=200)
    for seed, name in enumerate(("text.txt", "other.txt", text.SHAKESPEARE)):
        letters = random.Random(seed).choices("abcdefg", k=4000)
        (folder / name).write_text("".join(letters))
    digest = hashlib.sha256((folder / text.SHAKESPEARE).read_bytes()).hexdigest()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "SHAKESPEARE_SHA256", digest)
        yield str(folder)


class Remembered:
    """An iterable that is computed once, and only as far as somebody has read it."""

    def __init__(self, rest):
        self._read, self._rest = [], rest

    def __iter__(self):
        yield from self._read
        for item in self._rest:
            self._read.append(item)
            yield item


@functools.lru_cache(8)  # runs that wait for their next epoch hold models
def base_outcomes(pairs, data_dir):
    return Remembered(outcomes(dict(pairs), data_dir))


def differ(ours, theirs):
    """Whether two runs differ after some epoch; what follows the first such is not trained."""
    return any(a != b for a, b in itertools.zip_longest(ours, theirs))


def alike(a, b, name):
    """Whether two configurations differ in `name` and in what it shows or hides, only."""
    return all(a[n] == b[n] for n in a.keys() & b.keys() - {name})


def before_and_after(name, value):
    """Two configurations that differ in `name` alone, the second with `value`."""
    present = setting_for(name)[name]
    choice = SYMBOLS.kind(name) == "choice"
    olds = controls_first(name, value) if choice else [present]
    besides = {**BASE, **BESIDES.get((name, value), BESIDES.get(name, {}))}
    for context in contexts(name):
        if name in context:
            continue
        after = config({**besides, **context, name: value}, [name])
        if not after:
            continue
        for old in olds:
            before = config({**besides, **context, name: old}, [name])
            if before and alike(before, after, name):
                return before, after
    return setting_for(name), setting_that_needs(name, value)


def controls_first(name, value):
    """The members of a choice besides `value`; controls first, which can always be trained."""
    controls = SYMBOLS.controls.get(name, [])
    return sorted(set(SYMBOLS.members(name)) - {value}, key=lambda m: (m not in controls, m))


def setting_that_needs(name, value):
    """A configuration with a value that no setting offers beside another one.

    Such as a model for text: another data set decides for it.
    """
    every = [n for n in SYMBOLS.identity if SYMBOLS.kind(n) == "choice"]
    for context in itertools.chain(contexts(name), choices_of(every)):
        built = config({**BASE, **BESIDES.get(name, {}), **context}, [name])
        if built and built[name] == value:
            return built
    raise AssertionError(f"no setting offers CONFIG_{name}={value}")


@pytest.mark.parametrize(("name", "value"), CASES)
def test_changing_it_changes_the_run(name, value, data_dir):
    before, after = before_and_after(name, value)
    assert differ(outcomes(after, data_dir), base_outcomes(tuple(before.items()), data_dir))


def test_the_same_configuration_gives_the_same_run(data_dir):
    values = setting_for("SEED")
    assert not differ(outcomes(values, data_dir), outcomes(values, data_dir))
