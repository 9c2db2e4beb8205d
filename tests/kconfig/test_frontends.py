"""The configuration targets, run as make runs them, on the real tree."""

from __future__ import annotations

import builtins
from pathlib import Path

import pytest
from covering import rest_nightly

from espalier.core.errors import UserError
from espalier.kconfig import defconfigs, dotconfig, frontends, screen, tree

PRESETS = defconfigs.presets()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KCONFIG_CONFIG", raising=False)
    monkeypatch.delenv("KCONFIG_SEED", raising=False)


def make(target: str) -> str:
    assert frontends.run(target) == 0
    return Path(".config").read_text(encoding="utf-8")


def without_leading_comment(text: str) -> str:
    return text.removeprefix(defconfigs.leading_comment(text))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.name)
def test_a_preset_is_taken_line_by_line_and_saved_as_it_was(preset):
    """Loaded without a warning; a second pass changes nothing; saving gives the same bytes."""
    config = make(f"{preset.name}_defconfig")
    lines = without_leading_comment(preset.read_text(encoding="utf-8")).splitlines()
    assert set(lines) <= set(config.splitlines())
    assert make("olddefconfig") == config
    frontends.run("savedefconfig")
    assert Path("defconfig").read_bytes() == preset.read_bytes()
    kconf = tree.parse()
    dotconfig.load(kconf, preset)
    kconf.write_config("evaluated")
    assert kconf.warnings == []


def test_a_preset_has_two_spellings():
    assert make("digits-matrix_defconfig") == make("defconfig-digits-matrix")


def test_a_configuration_of_defaults_saves_to_nothing():
    make("defconfig")
    frontends.run("savedefconfig")
    assert Path("defconfig").read_text(encoding="utf-8") == ""


def test_the_old_configuration_is_kept():
    before = make("defconfig")
    make("digits-matrix_defconfig")
    assert Path(".config.old").read_text(encoding="utf-8") == before


def test_another_file_can_be_the_configuration(monkeypatch):
    monkeypatch.setenv("KCONFIG_CONFIG", "sub/other")
    frontends.run("defconfig")
    assert Path("sub/other").is_file()
    assert not Path(".config").exists()


REFUSED = [
    ("CONFIG_BATCH_SIZE=70000", ".config:2: CONFIG_BATCH_SIZE=70000: must be in [1, 65536]"),
    ("CONFIG_BATHC_SIZE=7", ".config:2: CONFIG_BATHC_SIZE: no such symbol; did you mean"),
    ("CONFIG_BATCH_SIZE = 7", ".config:2: CONFIG_BATCH_SIZE = 7: no spaces are allowed"),
    ("BATCH_SIZE=7", ".config:2: BATCH_SIZE=7: expected CONFIG_NAME=value"),
    ("CONFIG_BATCH_SIZE=7.5", ".config:2: CONFIG_BATCH_SIZE=7.5: must be a decimal integer"),
    ("CONFIG_TARGET_SPARSITY=1.0", ".config:2: CONFIG_TARGET_SPARSITY=1.0: must be in [0, 1)"),
    ("CONFIG_SGD_MOMENTUM=0.5", ".config:2: CONFIG_SGD_MOMENTUM=0.5: needs CONFIG_OPTIMIZER"),
    ("CONFIG_PRUNING_SCHEDULED=n", ".config:2: CONFIG_PRUNING_SCHEDULED=n: it has no prompt"),
    ("CONFIG_SEED=1|2", ".config:2: CONFIG_SEED=1|2: a configuration holds one value"),
]
TARGETS = ("olddefconfig", "savedefconfig", "oldconfig")


@pytest.mark.parametrize(
    ("target", "line", "message"),
    rest_nightly(
        [(target, *refused) for target in TARGETS for refused in REFUSED],
        lambda target, line, message: (target, line),
    ),
)
def test_a_line_without_effect_is_refused(target, line, message):
    Path(".config").write_text(f"# Mine\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError) as error:
        frontends.run(target)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
    assert Path(".config").read_text(encoding="utf-8") == f"# Mine\n{line}\n"


def test_every_line_without_effect_is_told():
    Path(".config").write_text(
        "CONFIG_SGD_MOMENTUM=0.5\n\nCONFIG_PRUNING_SCHEDULED=n\n", encoding="utf-8"
    )
    with pytest.raises(UserError) as error:
        frontends.run("olddefconfig")
    assert [line.split(" ")[0] for line in error.value.lines] == [".config:1:", ".config:3:"]


@pytest.mark.parametrize("line", ["CONFIG_SNAPSHOT_DELTA=y", "# CONFIG_SNAPSHOT_DELTA is not set"])
@pytest.mark.parametrize("target", ["olddefconfig", "listnewconfig"])
def test_a_symbol_of_an_earlier_version_is_left_out_with_a_note(target, line, capsys):
    Path(".config").write_text(f"# Mine\n{line}\nCONFIG_SEED=3\n", encoding="utf-8")
    assert "CONFIG_SEED=3" in make(target)
    assert capsys.readouterr().err == (
        "note: .config:2: CONFIG_SNAPSHOT_DELTA is gone, so the line is left out; "
        "CONFIG_SNAPSHOT_COMPRESS took its place\n"
    )


@pytest.mark.parametrize(
    ("name", "target"),
    [(".config", "olddefconfig"), (".config", "defconfig"), ("defconfig", "savedefconfig")],
)
def test_a_file_in_another_encoding_is_named_with_the_byte_and_kept(name, target):
    make("defconfig")
    Path(name).write_bytes(b"# Pr\xc3\xa9set\n# Pr\xe9set\n")
    with pytest.raises(UserError) as error:
        frontends.run(target)
    assert str(error.value).startswith(f"{name}:2: byte 0xe9 is not UTF-8; save the file as UTF-8")
    assert Path(name).read_bytes() == b"# Pr\xc3\xa9set\n# Pr\xe9set\n"


def test_a_byte_order_mark_and_other_line_ends_cost_nothing():
    Path(".config").write_bytes("\ufeff# Préset\r\nCONFIG_SEED=3\r\n".encode())
    text = make("olddefconfig")
    assert text.startswith("# Préset\n")
    assert "CONFIG_SEED=3\n" in text
    kconf = tree.parse()
    Path(".config").write_text("\ufeffCONFIG_SEED=3\n", encoding="utf-8")
    kconf.load_config(".config")  # as the menus do by themselves
    assert kconf.syms["SEED"].str_value == "3"


def test_floats_may_be_quoted_or_not_and_are_written_canonically():
    for text in ("0.50", '"0.50"', "5e-1"):
        Path(".config").write_text(f"CONFIG_TARGET_SPARSITY={text}\n", encoding="utf-8")
        assert 'CONFIG_TARGET_SPARSITY="0.5"\n' in make("olddefconfig")


def test_a_configuration_that_is_not_there():
    with pytest.raises(UserError, match=r"^\.config: no such configuration; make menuconfig"):
        frontends.run("savedefconfig")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("digits-adamprune_defconfig", "did you mean digits-adamwprune?"),
        ("defconfig-digits-methods-range", "make sweep RANGE_CONFIG=defconfigs/digits-methods"),
        ("oldconfigg", "no configuration target 'oldconfigg'"),
    ],
)
def test_an_unknown_target(target, message):
    with pytest.raises(UserError) as error:
        frontends.run(target)
    assert message in str(error.value)


def test_new_symbols_are_listed_with_the_values_they_would_get(capsys):
    text = make("defconfig").replace("CONFIG_BATCH_SIZE=32\n", "").replace("CONFIG_AMP_OFF=y\n", "")
    Path(".config").write_text(text, encoding="utf-8")
    capsys.readouterr()
    frontends.run("listnewconfig")
    assert capsys.readouterr().out == "CONFIG_BATCH_SIZE=32\nCONFIG_AMP_OFF=y\n"
    frontends.run("helpnewconfig")
    assert "  Samples in one optimizer step." in capsys.readouterr().out


def test_all_yes_switches_on_what_all_no_switches_off():
    assert "CONFIG_COMPILE=y\n" in make("allyesconfig")
    assert "# CONFIG_COMPILE is not set\n" in make("allnoconfig")
    assert make("olddefconfig") == Path(".config").read_text(encoding="utf-8")


def test_random_configurations_are_valid_and_made_again_by_their_seed(monkeypatch, capsys):
    made = set()
    for seed in range(12):
        monkeypatch.setenv("KCONFIG_SEED", str(seed))
        made.add(text := make("randconfig"))
        assert make("olddefconfig") == text
        assert make("randconfig") == text
    assert len(made) == 12
    assert "KCONFIG_SEED=11\n" in capsys.readouterr().out


def test_a_printed_seed_makes_the_configuration_again(monkeypatch, capsys):
    first = make("randconfig")
    seed = capsys.readouterr().out.splitlines()[0].removeprefix("KCONFIG_SEED=")
    monkeypatch.setenv("KCONFIG_SEED", hex(int(seed)))
    assert make("randconfig") == first


def answers(monkeypatch, *lines: str) -> list[str]:
    """Answer questions with `lines`, then end the input; the questions asked are kept."""
    prompts: list[str] = []
    left = iter(lines)

    def fake_input(prompt: str) -> str:
        prompts.append(prompt)
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(builtins, "input", fake_input)
    return prompts


def test_oldconfig_asks_only_what_is_open_and_again_after_a_bad_answer(monkeypatch, capsys):
    text = make("defconfig").replace("CONFIG_BATCH_SIZE=32\n", "")
    Path(".config").write_text(text, encoding="utf-8")
    prompts = answers(monkeypatch, "0", "?", "64")
    assert "CONFIG_BATCH_SIZE=64\n" in make("oldconfig")
    assert prompts == ["Batch size (samples) (CONFIG_BATCH_SIZE) [32] "] * 3
    out = capsys.readouterr().out
    assert "  0: must be in [1, 65536]\n" in out
    assert "Samples in one optimizer step." in out


def test_oldconfig_asks_what_an_answer_opens(monkeypatch):
    config = make("defconfig")
    members = [line for line in config.splitlines() if "CONFIG_OPTIMIZER_SELECT_" in line]
    sgd = next(n for n, line in enumerate(members, 1) if "_SGD" in line)
    Path(".config").unlink()
    prompts: list[str] = []

    def fake_input(prompt: str) -> str:
        prompts.append(prompt)
        return str(sgd) if prompt.startswith("Optimizer [") else ""

    monkeypatch.setattr(builtins, "input", fake_input)
    assert "CONFIG_OPTIMIZER_SELECT_SGD=y\n" in make("oldconfig")
    assert any("CONFIG_SGD_MOMENTUM" in prompt for prompt in prompts)
    assert not any("CONFIG_ADAMWPRUNE_BETA1" in prompt for prompt in prompts)
    assert len(set(prompts)) == len(prompts)


def test_a_refused_answer_leaves_the_value_that_was_there(monkeypatch):
    Path(".config").write_text(
        "CONFIG_BATCH_SIZE=48\nCONFIG_TARGET_SPARSITY=0.5\n", encoding="utf-8"
    )

    def fake_input(prompt: str) -> str:
        first = prompt not in prompts
        prompts.append(prompt)
        bad = "1e9" if "SPARSITY" in prompt else "99999"
        return bad if first and ("BATCH_SIZE" in prompt or "SPARSITY" in prompt) else ""

    prompts: list[str] = []
    monkeypatch.setattr(builtins, "input", fake_input)
    config = make("config")
    assert "CONFIG_BATCH_SIZE=48\n" in config
    assert 'CONFIG_TARGET_SPARSITY="0.5"\n' in config


def test_input_that_ends_early_writes_nothing(monkeypatch):
    answers(monkeypatch, "")
    with pytest.raises(UserError, match=r"the input ended at the question for \w+"):
        frontends.run("config")
    assert not Path(".config").exists()


def test_ctrl_c_is_one_line(monkeypatch, capsys):
    def interrupt(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(builtins, "input", interrupt)
    assert frontends.run("config") == 130
    assert capsys.readouterr().err == "\nconfig: interrupted, .config is as it was last saved\n"


def test_menus_need_a_terminal():
    with pytest.raises(UserError, match=r"^menuconfig: input and output must be a terminal; use"):
        frontends.run("menuconfig")


def test_the_menus_open_again_until_what_they_saved_is_valid(monkeypatch):
    saved = iter(["CONFIG_TARGET_SPARSITY=70\n", "CONFIG_TARGET_SPARSITY=0.7\n"])
    monkeypatch.setattr(screen, "check_terminal", lambda: None)
    monkeypatch.setattr(
        screen, "run", lambda kconf: Path(".config").write_text(next(saved), encoding="utf-8")
    )
    prompts = answers(monkeypatch, "")
    assert make("menuconfig") == "CONFIG_TARGET_SPARSITY=0.7\n"
    assert len(prompts) == 1
    assert prompts[0].startswith("error: .config:1: CONFIG_TARGET_SPARSITY=70: must be in [0, 1)")


def test_a_folder_is_not_taken_for_the_configuration(monkeypatch):
    Path("folder").mkdir()
    monkeypatch.setenv("KCONFIG_CONFIG", "folder")
    with pytest.raises(UserError, match="^folder: is a folder; KCONFIG_CONFIG must name a file"):
        frontends.run("defconfig")
    assert [path.name for path in Path().iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('mainmenu "x"\n\nconfig A\n\tbol "A"\n', "Kconfig:4: error: couldn't parse 'bol \"A\"'"),
        ('mainmenu "x"\nsource "models/absent"\n', "Kconfig:2: 'models/absent' not found"),
        ("if A\n", "error: expected 'endif' at end of 'Kconfig'"),
    ],
)
def test_a_fragment_that_cannot_be_read_is_one_line(tmp_path, text, message):
    (tmp_path / "Kconfig").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        tree.parse(tmp_path)
    assert str(error.value).startswith(message)
    assert str(error.value).endswith("correct the Kconfig file")
    assert "\n" not in str(error.value)
