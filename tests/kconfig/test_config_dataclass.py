"""Dataclasses of Kconfig symbols: what a constructor fills in, and that it stays a dataclass."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from espalier.core.component import symbol
from espalier.kconfig import config_dataclass, defaults
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.adamwspam import AdamWSpam
from espalier.optimizers.guards.spam import Spam
from espalier.optimizers.sgd import SGD
from espalier.train.engine.trainer import Recipe


def test_fields_that_are_left_out_have_kconfigs_default() -> None:
    assert (SGD().momentum, SGD().nesterov, SGD(0.5).momentum) == (0.9, False, 0.5)
    assert Recipe(epochs=3).amp == "off"
    assert config_dataclass.with_defaults(SGD, nesterov=True) == SGD(nesterov=True)


def test_a_group_is_filled_and_one_that_may_be_absent_is_not() -> None:
    assert AdamWSpam().spam == Spam()
    assert AdamWSpam(spam=Spam(theta=3.0)).spam.interval == 1000
    assert Recipe().early_stop is None


def test_it_is_a_frozen_dataclass() -> None:
    spec = SGD(momentum=0.5)
    assert [item.name for item in fields(SGD)] == ["momentum", "nesterov", "weight_decay"]
    assert spec == SGD(0.5) != SGD(0.4)
    assert hash(spec) == hash(SGD(0.5))
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert replace(spec, nesterov=True) == SGD(0.5, True)
    assert list(inspect.signature(SGD).parameters) == ["momentum", "nesterov", "weight_decay"]
    with pytest.raises(FrozenInstanceError):
        spec.momentum = 0.1  # type: ignore[misc]


@kconfig_dataclass
class Lost:
    epochs: int = symbol("NUM_EPOCHS")
    depth: int
    kept: int = 3  # a literal stays: components outside of the tree may have some


def test_a_field_that_kconfig_does_not_know() -> None:
    assert Lost(depth=1) == Lost(20, 1, 3)
    with pytest.raises(KeyError, match="CONFIG_TEST_CONFIG_DATACLASS_DEPTH"):
        Lost()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MLP_LAYERS", "2"),
        ("LEARNING_RATE", "0.001"),
        ("SGD_NESTEROV", "n"),  # a bool without a default
        ("NORMALIZE", "y"),
        ("TEXT_FILE", ""),
        ("AMP", "off"),  # a choice without a default: its first member
        ("STATE_IMPORTANCE", "bitter0"),
        ("OPTIMIZER", "adamwprune"),
    ],
)
def test_the_default_of_a_symbol(name: str, text: str) -> None:
    assert defaults.read().read(name, str) == text


def test_importing_a_component_reads_no_kconfig() -> None:
    code = "import sys, espalier.models.mlp; sys.exit('kconfiglib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
