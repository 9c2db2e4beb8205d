from __future__ import annotations

from pathlib import Path

import pytest
import toy

from espalier.core.errors import UserError
from espalier.kconfig import assign, tree
from espalier.kconfig.symbols import Symbols


@pytest.fixture(scope="module")
def symbols(tmp_path_factory: pytest.TempPathFactory) -> Symbols:
    return toy.symbols(tmp_path_factory.mktemp("toy"))


def test_kinds(symbols: Symbols) -> None:
    names = ["PAINT", "COUNT", "MASK", "RATE", "LABEL", "COLOR", "HAS_EDGE"]
    kinds = ["bool", "int", "hex", "float", "string", "choice", "bool"]
    assert [symbols.kind(name) for name in names] == kinds
    assert str(symbols.float_range("RATE")) == "(0, 1]"
    assert symbols.float_range("LABEL") is None


def test_identity_and_settings(symbols: Symbols) -> None:
    identity = "EDGE SHAPE PAINT COLOR MOST COUNT MASK RATE LABEL FORCED FORCER"
    assert " ".join(symbols.identity) == identity
    assert symbols.settings == ("PLACE", "VOICE", "SWEEP_MAX_TRIALS")
    assert not symbols.in_identity("VOICE_LOUD")
    assert symbols.in_identity("COLOR_RED")


def test_what_the_trials_of_a_pack_have_in_common() -> None:
    symbols = Symbols(tree.parse())
    expected = (
        "MODEL MLP_WIDTH MLP_LAYERS MLP_ACTIVATION MLP_LAYER_NORM RESNET50_STEM "
        "RESNET_CIFAR_BLOCKS RESNET_CIFAR_WIDTH RESNET_CIFAR_SHORTCUT VIT_PATCH VIT_WIDTH "
        "VIT_LAYERS VIT_HEADS VIT_INNER VIT_DROPOUT GPT_WIDTH GPT_LAYERS GPT_HEADS GPT_DROPOUT "
        "GPT_BIAS GPT_TIED CHARLM_WIDTH CHARLM_LAYERS CHARLM_HEADS CHARLM_INNER CHARLM_DROPOUT "
        "CHARLM_NORM CHARLM_FFN CHARLM_DENDRITES DENDRITIC_ANN_KIND DENDRITIC_ANN_LAYERS "
        "DENDRITIC_ANN_NEURONS DENDRITIC_ANN_DENDRITES DENDRITIC_ANN_SYNAPSES DATASET "
        "TEXT_CORPUS TEXT_FILE TEXT_LENGTH TEXT_VOCABULARY TEXT_CONTEXT TEXT_STRIDE "
        "TEXT_LEAK_LOSS BATCH_SIZE TRAIN_SUBSET TEXT_SHIFT_CORPUS TEXT_SHIFT_FILE SHIFT "
        "INPUT_NOISE "
        "SHIFT_EPOCHS SHIFT_SEED SHIFT_SHARE SHIFT_CLASSES_OF_TASK NPZ_FILE NPZ_CHANNELS "
        "FOLDER_PATH FOLDER_SIDE FOLDER_COLOURS VALIDATION_FRACTION SPLIT_SEED NORMALIZE "
        "OPTIMIZER ADAMWPRUNE_BASE MUON_ENDS PRUNING_METHOD AMP COMPILE CPU_THREADS "
        "DEVICES_PER_TRIAL DENDRITES_NEURONS DENDRITES_PER_NEURON DENDRITES_INPUTS "
        "DENDRITES_SOMA DENDRITES_ACTIVATION DENDRITES_WIRING DENDRITES_SPREAD DENDRITES_INIT "
        "DENDRITES_HIDDEN SPARSE_MLP_WIDTH SPARSE_MLP_INPUTS DROPLINEAR_LAYERS BLOCKS_SIZES "
        "BLOCKS_DENSITY BLOCKS_SKIPS BLOCKS_INIT INIT_FROM_FRESH INIT_FROM_SHA256 SCRIPT "
        "SCRIPT_PATTERN TRAIN_FUNCTION TRIAL_SECONDS"
    )
    assert sorted(symbols.shape) == sorted(expected.split())
    assert symbols.same_in_pack("AMP_BF16")


def test_a_time_of_zero_is_in_no_configuration() -> None:
    symbols = Symbols(tree.parse())
    names = ["TRIAL_SECONDS", "NUM_EPOCHS"]
    assert assign.effective_config(symbols, names) == {"NUM_EPOCHS": "20"}
    assign.load(symbols, {"TRIAL_SECONDS": "5"})
    timed = assign.effective_config(symbols, names)
    assert timed == {"TRIAL_SECONDS": "5", "NUM_EPOCHS": "20"}
    assign.load(symbols, {"NUM_EPOCHS": "20"})  # a configuration without it has none
    assert assign.effective_config(symbols, names) == {"NUM_EPOCHS": "20"}


def test_the_controls_of_reports(symbols: Symbols) -> None:
    assert symbols.controls == {}
    controls = ["none", "task_reset", "random_pruning"]
    controls += ["random_rewiring", "static", "random_neurons"]
    assert Symbols(tree.parse()).controls["PRUNING_METHOD"] == controls


def test_a_choice_may_have_several_controls(tmp_path: Path) -> None:
    members = [
        f'config NET_SELECT_{name}\n\tbool "{name}"\n\thelp\n\t  One.\n{control}'
        for name, control in (("A", "\t  Control: yes\n"), ("B", ""), ("C", "\t  Control: yes\n"))
    ]
    choice = 'choice NET\n\tprompt "Net"\n\thelp\n\t  Pack: same\n'
    text = choice + "".join(members) + "endchoice\n"
    (tmp_path / "Kconfig").write_text(text, encoding="utf-8")
    assert Symbols(tree.parse(tmp_path)).controls == {"NET": ["a", "c"]}


def test_members_and_owners(symbols: Symbols) -> None:
    assert list(symbols.members("SHAPE")) == ["round", "square", "star"]
    assert list(symbols.members("COLOR")) == ["red", "blue"]
    assert symbols.owner("SHAPE_SELECT_STAR") == ("SHAPE", "star")
    assert symbols.owner("PAINT") is None
    assert "COLOR" in symbols
    assert "COLOUR" not in symbols


def test_every_prompted_symbol_of_the_tree_is_somewhere() -> None:
    symbols = Symbols(tree.parse())
    members = {m.name for choice in symbols.choices for m in symbols.members(choice).values()}
    prompted = {
        s.name for s in symbols.kconf.unique_defined_syms if any(node.prompt for node in s.nodes)
    }
    assert prompted - members <= {*symbols.identity, *symbols.settings}
    assert {"SEED", "OPTIMIZER", "LEARNING_RATE"} <= set(symbols.identity)
    assert {"DEVICE", "DATA_DIR", "PARALLEL"} <= set(symbols.settings)


def test_a_symbol_that_does_not_say_who_shares_its_value(tmp_path: Path) -> None:
    (tmp_path / "Kconfig").write_text(
        'config A\n\tbool "A"\n\thelp\n\t  What it is.\n', encoding="utf-8"
    )
    with pytest.raises(UserError, match="^Kconfig:1: CONFIG_A must have one of the help lines 'Id"):
        Symbols(tree.parse(tmp_path))


def test_an_integer_outside_of_a_range_that_always_holds_is_refused(symbols: Symbols) -> None:
    assert symbols.canonical("MOST", "100") == "100"
    with pytest.raises(ValueError, match=r"^must be in \[1, 100\]$"):
        symbols.canonical("MOST", "101")
    assert symbols.canonical("COUNT", "1000") == "1000"  # up to another symbol's value
    assert symbols.canonical("EDGE", "9") == "9"


RANGED = """
config WIDE
    bool "Wide"
    help
      Identity: no

config WIDTH
    int "Width"
    range 1 64 if WIDE
    range 8 256
    default 8
    help
      Width.
      Pack: may differ

config OPEN
    int "Open"
    range 1 64 if WIDE
    default 8
    help
      Nothing holds without WIDE.
      Pack: may differ
"""


def test_what_no_range_of_a_symbol_allows_is_refused_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "Kconfig").write_text(RANGED, encoding="utf-8")
    symbols = Symbols(tree.parse(tmp_path))
    assert symbols.canonical("WIDTH", "256") == "256"
    assert symbols.canonical("WIDTH", "1") == "1"  # where WIDE is on
    assert symbols.canonical("OPEN", "1000") == "1000"
    with pytest.raises(UserError) as raised:
        toy.parse_requests(symbols, "CONFIG_WIDTH=8~100000000")
    assert str(raised.value) == "f:1: CONFIG_WIDTH=8~100000000: must be in [1, 256]"


def test_an_optimizer_brings_pruning_by_default_only_where_its_name_says_so() -> None:
    symbols = Symbols(tree.parse())
    brought = {}
    for name in symbols.members("OPTIMIZER"):
        symbols.kconf.unset_values()
        symbols.kconf.syms[f"OPTIMIZER_SELECT_{name.upper()}"].set_value("y")
        brought[name] = symbols.kconf.syms["PRUNING_SELECT_STATE"].str_value
    assert {name for name, value in brought.items() if value == "y"} == {"adamwprune"}
