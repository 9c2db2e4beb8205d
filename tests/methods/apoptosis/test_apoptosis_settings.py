"""The symbols that apoptosis methods share, as strategies get them."""

from loops import network

from espalier.core.run_length import RunLength
from espalier.kconfig.config_dataclass import with_defaults
from espalier.methods.apoptosis.apoptosis_settings import ApoptosisSettings
from espalier.methods.apoptosis.neurons.event_schedule import Annealing
from espalier.surgery.pairing.pairs import find_pairs


def test_turnover_is_constant_unless_asked_for():
    falling, to_half = Annealing("half_cosine"), Annealing("half_cosine", 0.5)
    assert with_defaults(ApoptosisSettings).options(RunLength(10, 10))["anneal_steps"] == 0
    assert ApoptosisSettings(annealing=falling).options(RunLength(10, 10))["anneal_steps"] == 75
    assert ApoptosisSettings(annealing=to_half).options(RunLength(10, 10))["anneal_steps"] == 50


def test_names_may_have_blanks_between():
    pairs = find_pairs(network())
    names = ", ".join(pair.name for pair in pairs)
    shares = ApoptosisSettings(layers="named", names=names).shares(pairs)
    assert list(shares) == [pair.name for pair in pairs]
