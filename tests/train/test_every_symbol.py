"""Every symbol of a trial's identity reaches the run.

Each symbol is changed in a small real training run, in a setting where Kconfig shows it, and the
run must come out different: other weights, another history. What makes a symbol show and which
other values it can have follow from the Kconfig tree; by hand stand only the sizes of the run and
what makes an effect come within it.
"""

import functools
import hashlib
import itertools
import random
from collections.abc import Iterator, Mapping
from decimal import Decimal

import own_data
import pytest
import small_files
import torch
import trial_tasks
from kconfig_requirements import ways
from kconfig_values import assigned, symbols

from espalier.core.contracts import CannotTrain
from espalier.core.trial import Task, Trial
from espalier.datasets.files import corpora
from espalier.kconfig import assign
from espalier.kconfig.values import canonical
from espalier.train import worker_entry
from espalier.train.loop import Loop

Values = dict[str, str]

SYMBOLS = symbols()
SETTINGS = {**trial_tasks.SETTINGS, "DEBUG_CHECKS": "y"}

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
    "CHARLM_DENDRITES": "2",
    "GPT_WIDTH": "8",
    "GPT_LAYERS": "1",
    "GPT_HEADS": "2",
    "VIT_WIDTH": "8",
    "VIT_LAYERS": "1",
    "VIT_HEADS": "2",
    "VIT_INNER": "16",
    "RESNET_CIFAR_BLOCKS": "1",
    "RESNET_CIFAR_WIDTH": "4",
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
    "APOPTOSIS_CBP_RATE": "0.05",
    "APOPTOSIS_REDO_PERIOD": "20",
    "APOPTOSIS_REDO_THRESHOLD": "0.5",
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
    "WIDENING_EVENTS": "2",
    "WIDENING_STOP": "0.3",
    "FIREFLY_STEPS": "2",
}

# Values that lists and names of files can have besides; all others follow from type and range.
TEXTS = {
    "APOPTOSIS_LAYER_NAMES": "1",
    "APOPTOSIS_LAYERS_TARGETS": "blocks.*.ffn.3",
    "MULTISCALE_FACTORS": "4,2,1",
    "BLOCKS_SIZES": "32",
    "TEXT_FILE": "other.txt",
    "TEXT_SHIFT_FILE": "other.txt",
    "NPZ_FILE": "other.npz",
    "FOLDER_PATH": "other",
}

# A rate at which validation gets worse after a few epochs.
STOPPING = {"OPTIMIZER": "adam", "LEARNING_RATE": "0.1", "NUM_EPOCHS": "8"}
STOPPING |= {"EARLY_STOP_PATIENCE": "1"}
DEEP = {"CHARLM_LAYERS": "3"}
PROPORTIONAL = {"PROPORTIONAL_RATE": "0.9", "PROPORTIONAL_SKIPS": "1"}
THREE_LAYERS = {"MODEL": "blocks", "BLOCKS_SIZES": "20,20,20"}
DYING = {"PATCHES_WHERE": "extrema", "BLOCKS_DENSITY": "0.02"}
STEEP = {f"RATES_DIFFERENTIAL_{where}": "0.05" for where in ("GROWN", "ADJACENT", "DISTANT")}
ONE_LAYER = {
    "PRUNING_METHOD": "apoptosis_functional",
    "MLP_LAYERS": "4",
    "APOPTOSIS_PATTERN": "named",
    "APOPTOSIS_LAYER_NAMES": "1",
}
GROW = {"MODEL": "blocks", "PRUNING_METHOD": "grow", "GROW_TO": "0.4"}
PRETRAINED = {"INIT_FROM": "named.pt"}  # and not read: the rates go by layers, not by the file
SHRUNK = {"SHRINK_PERTURB_FACTOR": "0.9", "SHRINK_PERTURB_NOISE": "0.01"}  # defaults go by it
SILENCES = {"SNR_FIRST": "5", "SNR_PERIOD": "10"}
TOURNAMENT = {"BLOCKS_SIZES": "16,16", "GROWTH_EVENTS": "2"}
NOISE = {**GROW, "NUM_EPOCHS": "9", "GROWTH_WINDOW": "50"}
NOISE |= {"GROWTH_REFERENCE": "1", "GROWTH_ALARMS": "0.45"}
STUCK = {**GROW, "NUM_EPOCHS": "9", "GROWTH_PATIENCE": "1", "GROWTH_MARGIN": "0.5"}

# What has to be set besides, for the effect of a symbol, of all that begin with a prefix, or of one
# value to come within 90 updates.
BESIDES: Mapping[str | tuple[str, str], Values] = {
    "APOPTOSIS_ORTHOGONAL_PARTS": {"APOPTOSIS_FITNESS": "weight"},
    "APOPTOSIS_PATTERN": {"MLP_LAYERS": "4", "APOPTOSIS_LAYER_NAMES": "1"},
    "SPAM_*": {"SPAM_INTERVAL": "10"},
    "SPAM_THETA": {"SPAM_THETA": "50"},
    "SPAM_ENABLE_CLIP": {"SPAM_THETA": "1"},
    "MODEL": {"TRAIN_SUBSET": "20", "BATCH_SIZE": "10"},  # large: six updates are enough
    ("MODEL", "dendritic_ann"): {"PRUNING_METHOD": "none"},
    "DENDRITIC_ANN_*": {"PRUNING_METHOD": "none"},
    "RESAMPLING_*": {"DATASET": "digits", "MODEL": "dendritic_simple"},
    "RESNET50_STEM": {"TRAIN_SUBSET": "20", "BATCH_SIZE": "10"},
    "TEXT_FILE": {"TEXT_FILE": "text.txt"},
    "TEXT_CORPUS": {"TEXT_FILE": "text.txt"},
    "TEXT_SHIFT_*": {"TEXT_SHIFT_FILE": "text.txt"},
    "NPZ_*": {"NPZ_FILE": "own.npz"},
    "FOLDER_*": {"FOLDER_PATH": "own"},
    ("DATASET", "npz"): {"NPZ_FILE": "own.npz"},
    ("DATASET", "folder"): {"FOLDER_PATH": "own"},
    "EARLY_STOP_*": STOPPING,
    "EARLY_STOP_PATIENCE": {**STOPPING, "EARLY_STOP_PATIENCE": "0"},
    "EARLY_STOP_COOLDOWN": {**STOPPING, "PRUNING_METHOD": "apoptosis_growth"},
    "INPUT_NOISE": {"INPUT_NOISE": "0.5"},  # absent at 0
    "INDEFINITE_ROUNDS": {"INDEFINITE_GAIN": "1000000"},
    "GRASP_TEMPERATURE": {"GRASP_TEMPERATURE": "1"},  # above, all classes are as likely
    "SPARSE_ALLOCATION": {"MODEL": "lenet5"},  # ER and ERK are one for linear layers
    "SPARSE_START*": {"SPARSE_DENSITY": "0.5"},
    "SRIGL_MIN_SALIENT": {"SRIGL_MIN_SALIENT": "0.9"},  # so soon no unit lacks more
    "OPTIMIZER": {"PRUNING_METHOD": "none"},
    "MUON_SCALE": {"MUON_ADAM_RATE": "1"},  # whose default goes by it
    "NET2DEEPER_LAYERS": {"MLP_LAYERS": "4"},
    "PRUNING_METHOD": DEEP,
    "APOPTOSIS_LAYERS_*": DEEP,
    "APOPTOSIS_LAYERS_BIRTH_SHARE": {**DEEP, "APOPTOSIS_LAYERS_MATURATION": "30"},
    "GROWTH_*": GROW,
    **{f"GROWTH_{name}": NOISE for name in ("WINDOW", "REFERENCE", "ALARMS")},
    ("GROWTH_TRIGGER", "variance"): NOISE,
    ("GROWTH_TRIGGER", "plateau"): STUCK,
    **{f"GROWTH_{name}": STUCK for name in ("PATIENCE", "MARGIN")},
    "TOURNAMENT_*": TOURNAMENT,
    ("PRUNING_METHOD", "tournament"): TOURNAMENT,
    "PROPORTIONAL_FLOOR": PROPORTIONAL,
    "HIGHWAYS_*": THREE_LAYERS,
    "HIGHWAYS_REACH": {"BLOCKS_SIZES": "20,20,20,20"},
    ("PRUNING_METHOD", "highways"): THREE_LAYERS,
    **{name: DYING for name in ("PATCHES_REVIVE", "PATCHES_FIRING")},
    "SHIFT": {"DATASET": "text", "TEXT_VOCABULARY": "shared"},
    **{("SHIFT", of_images): {} for of_images in ("classes", "growing", "random_labels")},
    "SHIFT_EPOCHS": {"SHIFT": "permuted", "NUM_EPOCHS": "4"},
    "SHRINK_PERTURB_WHEN": {"SHIFT": "permuted", **SHRUNK},
    **{f"SNR_{name}": SILENCES for name in ("PERCENTILE", "VICTIMS")},
    "RATES*": {"PRUNING_METHOD": "set"},
    "RATES_WITH_*": {"PRUNING_METHOD": "set", "RATES_WITH_LARS": "y"},
    "RATES_WITH_LARS": {"RATES_WITH_CASCADE": "y"},
    "RATES_WITH_PRETRAINED": {"RATES_WITH_CASCADE": "y", **PRETRAINED},
    "RATES_PRETRAINED_*": PRETRAINED,
    ("RATES", "pretrained"): PRETRAINED,
    ("RATES", "several"): {"RATES_WITH_CASCADE": "y"},
    "RATES_AGE_FLOOR": {"PRUNING_METHOD": "set", "RATES_AGE_DECAY": "0.01"},
    "RATES_GROWTH_FLOOR": {"PRUNING_METHOD": "set", "RATES_GROWTH_SHOCK": "0.05"},
    "RATES_DIFFERENTIAL_FLOOR": {"PRUNING_METHOD": "set", **STEEP},
    "RATES_DIFFERENTIAL_ADJACENT": ONE_LAYER,
    "RATES_DIFFERENTIAL_DISTANT": ONE_LAYER,
    "RATES_LEAST": {"RATES": "lars", "RATES_LARS_TRUST": "1e-6"},
    "RATES_MOST": {"RATES": "lars", "RATES_LARS_TRUST": "1000"},
}

# Meant to leave the numbers as they are, and tested where they act.
ENGINE = {"CPU_THREADS", "DEVICES_PER_TRIAL", "COMPILE", "AMP", "DATA_VERIFY", "TEXT_LEAK_LOSS"}
ENGINE |= {"MAX_PARAMS", "MIN_PARAMS_SHARE", "INIT_FROM", "INIT_FROM_SHA256", "INIT_FROM_FRESH"}
ENGINE |= {"SCRIPT", "SCRIPT_PATTERN", "TRAIN_FUNCTION"}  # what trains instead of a network of ours
ENGINE |= {"TRIAL_SECONDS"}  # epochs by the clock

FACTORS = [Decimal(factor) for factor in ("0.5", "1e6", "1e-9", "2", "5", "0.1")]


def cases() -> Iterator[tuple[str, str]]:
    """Yield every symbol with "", a choice with each member but the one to compare with."""
    for name in SYMBOLS.identity:
        if name not in ENGINE:
            members = _members(name)[1:] if SYMBOLS.kind(name) == "choice" else [""]
            yield from ((name, value) for value in members)


def _members(choice: str) -> list[str]:
    """Return the members of a choice; controls first, which can always be trained."""
    controls = SYMBOLS.controls.get(choice, [])
    return sorted(SYMBOLS.members(choice), key=lambda member: member not in controls)


def pairs(name: str, value: str) -> Iterator[tuple[Values, Values]]:
    """Yield configurations that differ in `name` alone, the second with `value` if it is given."""
    besides = _besides(name, value)
    settings = [{**BASE, **way, **besides} for way in ways(name, value)]
    if not value:
        before, wishes = next((b, s) for s in settings if (b := config(s, name)))
        afters = (config({**wishes, name: other}, name) for other in others(name, before[name]))
        yield from ((before, after) for after in afters if after)
        return
    afters = [(s, after) for s in settings if (after := config({**s, name: value}, name))]
    fitting = list(itertools.islice(_fitting(name, value, afters), 3))
    if fitting:
        yield from fitting
    else:  # no setting offers it beside another value, as a model for text: another choice decides
        befores = (config({**BASE, name: old}, name) for old in _members(name) if old != value)
        yield next(filter(None, befores)), afters[0][1]


def _fitting(
    name: str, value: str, afters: list[tuple[Values, Values]]
) -> Iterator[tuple[Values, Values]]:
    for wishes, after in afters:
        for old in _members(name):
            before = config({**wishes, name: old}, name) if old != value else None
            if before and alike(before, after, name):
                yield before, after


def _besides(name: str, value: str) -> Values:
    """Return the entry of BESIDES that says most of a symbol and value."""
    prefixes = [key for key in BESIDES if isinstance(key, str) and key.endswith("*")]
    best = max((k for k in prefixes if name.startswith(k[:-1])), key=len, default="")
    return BESIDES.get((name, value), BESIDES.get(name, BESIDES.get(best, {})))


def config(wishes: Values, name: str) -> Values | None:
    """Return the effective configuration if it shows `name` and every wish takes or is hidden."""
    tree = assigned(wishes)
    taken = all(
        assign.effective(tree, n) == v for n, v in wishes.items() if assign.is_active(tree, n)
    )
    if not taken or not assign.is_active(tree, name):
        return None
    return assign.effective_config(tree, tree.identity)


def others(name: str, present: str) -> Iterator[str]:
    """Yield values besides `present` that the type of a symbol allows, small changes first."""
    kind, interval = SYMBOLS.kind(name), SYMBOLS.float_range(name)
    if kind == "bool":
        yield "n" if present == "y" else "y"
    elif kind == "string":
        yield TEXTS[name]
    elif kind == "int":
        number = int(present)
        tried = dict.fromkeys((number + 1, 1, number // 2, 2 * number, number // 10, 20 * number))
        yield from (str(n) for n in tried if n != number)
    else:
        tried = [Decimal(present) * factor or factor for factor in FACTORS]
        yield from (canonical(kind, str(n)) for n in tried if float(n) in interval)


def alike(config: Values, other: Values, name: str) -> bool:
    """Return whether two configurations differ in `name` and in what it shows or hides, only."""
    return all(config[n] == other[n] for n in config.keys() & other.keys() - {name})


def outcomes(values, data_dir):
    """What a training run under `values` has come to after each epoch, as comparable text."""
    values = {n: text for n, text in values.items() if not n.startswith("INIT_FROM")}
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
    for seed, name in enumerate(("own", "other")):
        own_data.write_npz(folder / f"{name}.npz", pixels=(3, 3), seed=seed)
        own_data.write_folders(folder / name, seed=seed)
    for seed, name in enumerate(("text.txt", "other.txt", corpora.SHAKESPEARE)):
        letters = random.Random(seed).choices("abcdefg", k=4000)
        (folder / name).write_text("".join(letters), encoding="utf-8")
    digest = hashlib.sha256((folder / corpora.SHAKESPEARE).read_bytes()).hexdigest()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpora, "SHAKESPEARE_SHA256", digest)
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


def differ(before: Values, after: Values, data_dir: str) -> bool:
    """Return whether two runs differ after some epoch; what follows the first such is not trained.

    A value that cannot be trained in this setting proves nothing.
    """
    try:
        runs = outcomes(after, data_dir), base_outcomes(tuple(before.items()), data_dir)
        return any(ours != theirs for ours, theirs in itertools.zip_longest(*runs))
    except CannotTrain:
        return False


@pytest.mark.parametrize(("name", "value"), tuple(cases()))
def test_changing_it_changes_the_run(name: str, value: str, data_dir: str) -> None:
    assert any(differ(before, after, data_dir) for before, after in pairs(name, value))


def test_the_same_configuration_gives_the_same_run(data_dir: str) -> None:
    values = config(BASE, "SEED")
    assert list(outcomes(values, data_dir)) == list(outcomes(values, data_dir))
