"""A plan of programs is checked before anything runs, and says where its files are."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.core.trees import own_trees
from espalier.kconfig import range_file
from espalier.kconfig.line_faults import Faults
from espalier.kconfig.range_file import Setting
from espalier.plan import plan, planning
from espalier.plan.outside_files import script_plan
from espalier.plan.plan import Plan
from espalier.scripts.script_identity import HEX, identify

COMMAND = "python train.py --lr {LEARNING_RATE} --width {WIDTH} --act {ACT}"
RANGES = f"""\
CONFIG_TRAINER=script
CONFIG_SCRIPT="{COMMAND}"
CONFIG_SCRIPT_KNOBS="width=32 act=relu dropout=0.1"
CONFIG_WIDTH=16|32
CONFIG_DROPOUT=0|0.5
CONFIG_SEED=1|2
"""


@pytest.fixture(autouse=True)
def _nothing_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    yield
    own_trees.use_knobs(None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own = tmp_path / "own"
    own.mkdir()
    (own / "train.py").write_text("print(1)\n", encoding="utf-8")
    return own


def planned(folder: Path, text: str = RANGES, over: list[Setting] | None = None) -> Plan:
    path = folder / "ranges"
    path.write_text(text, encoding="utf-8")
    return planning.plan_from_files([path], over=over or [])


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(UserError) as caught:
        planned(folder, text)
    return caught.value.lines[0].removeprefix(f"{folder}/")


def replaced(before: str, after: str) -> str:
    assert before in RANGES
    return RANGES.replace(before, after)


def test_trials_have_the_knobs_and_none_of_our_components(folder: Path) -> None:
    made = planned(folder)
    assert len(made.trials) == 8 and {trial.shape for trial in made.trials} == {""}
    assert made.trials[0].config == {
        "SCRIPT": COMMAND,
        "SCRIPT_PATTERN": "",
        "BATCH_SIZE": "32",
        "LEARNING_RATE": "0.001",
        "NUM_EPOCHS": "20",
        "SEED": "1",
        "CPU_THREADS": "1",
        "DEVICES_PER_TRIAL": "1",
        "WIDTH": "16",
        "ACT": "relu",
        "DROPOUT": "0",
    }
    assert made.trees is None and made.notes == []


def test_where_the_files_lie_and_what_they_hold_is_no_part_of_identity(
    folder: Path, tmp_path: Path
) -> None:
    made = planned(folder)
    assert made.settings["SCRIPT_FOLDER"] == str(folder)
    assert made.settings["SCRIPT_DIGEST"].startswith("train.py:")
    moved = folder.rename(tmp_path / "moved")
    (moved / "train.py").write_text("print(2)\n", encoding="utf-8")
    again = planned(moved)
    assert again.plan_id == made.plan_id
    assert again.settings["SCRIPT_DIGEST"] != made.settings["SCRIPT_DIGEST"]


def test_a_folder_whose_path_is_no_text_is_one_line(folder: Path, tmp_path: Path) -> None:
    moved = folder.rename(tmp_path / "moved\n")
    with pytest.raises(UserError, match="no text is in its path, which a plan has; rename"):
        planned(moved)


def test_a_plan_is_written_and_read_in_a_process_that_knows_no_knobs(
    folder: Path, tmp_path: Path
) -> None:
    made = planned(folder)
    plan.write_plan(made, tmp_path / "plan")
    own_trees.use_knobs(None)
    assert planning.open_plan(tmp_path / "plan").trials == made.trials
    assert own_trees.knobs() is not None


def test_a_configuration_of_a_plan_is_a_trial_of_its_own(folder: Path, tmp_path: Path) -> None:
    made = planned(folder)
    plan.write_plan(made, tmp_path / "plan")
    alone = planning.plan_from_config(tmp_path / "plan" / "config_003")
    assert [trial.id for trial in alone.trials] == [made.trials[2].id]
    assert alone.settings["SCRIPT_FOLDER"] == str(folder)


def test_a_folder_of_configurations_is_a_plan(folder: Path, tmp_path: Path) -> None:
    made = planned(folder)
    plan.write_plan(made, tmp_path / "plan")
    (tmp_path / "plan" / "plan.jsonl").unlink()
    own_trees.use_knobs(None)
    again = planning.open_plan(tmp_path / "plan")
    assert [trial.id for trial in again.trials] == [trial.id for trial in made.trials]
    assert {trial.shape for trial in again.trials} == {""}


def test_rows_of_a_caller_are_programs_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    base = {"TRAINER": "script", "SCRIPT": '"python train.py {SEED}"'}
    made = planning.plan_from_rows(base, [{"SEED": "1|2"}])
    assert len(made.trials) == 2 and made.settings["SCRIPT_FOLDER"] == str(folder)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            replaced("{WIDTH}", "{WIDHT}"),
            f"ranges:2: CONFIG_SCRIPT={COMMAND.replace('WIDTH', 'WIDHT')}: {{WIDHT}} is no symbol "
            "of its trials; did you mean {WIDTH}?",
        ),
        (replaced("{WIDTH}", "{OPTIMIZER}"), "{OPTIMIZER} is no symbol of its trials; CONFIG_SC"),
        (replaced("{WIDTH}", "{width}"), "ranges:2: CONFIG_SCRIPT={width}: a brace stands alone"),
        (replaced("train.py", "other.py"), "names no file below "),
        (replaced(f'CONFIG_SCRIPT="{COMMAND}"', ""), "CONFIG_SCRIPT=: there is no command"),
        (
            replaced("width=32 ", "learning_rate=1 width=32 "),
            "SCRIPT_KNOBS: LEARNING_RATE is a symbol alr",
        ),
        (replaced("width=32 ", "w-h=1 width=32 "), "ranges:3: 'w-h': must be letters, digits"),
        (replaced("CONFIG_SEED=1|2", "CONFIG_OPTIMIZER=sgd|adam"), "ranges:6: CONFIG_OPTIMIZER="),
        (replaced("=script", "=script|library"), "ranges:1: CONFIG_TRAINER=script|library: is not"),
        (RANGES + 'CONFIG_SCRIPT_PATTERN="(?P<a"\n', "ranges:7: CONFIG_SCRIPT_PATTERN=(?P<a: must"),
        (RANGES + "CONFIG_SCRIPT_DIGEST=a:1\n", "CONFIG_SCRIPT_DIGEST=a:1: is not that of the fil"),
        (replaced("16|32", "16|x"), "ranges:4: CONFIG_WIDTH=x: must be a decimal integer"),
        (
            replaced("CONFIG_TRAINER=script\n", ""),
            "{ACT}: never in effect: needs CONFIG_TRAINER_SCRIPT",
        ),
    ],
)
def test_what_makes_no_sense_is_one_line(folder: Path, text: str, error: str) -> None:
    assert error in refusal(folder, text)


def test_the_folder_of_files_may_be_named(folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "train.py").rename(folder / "code" / "train.py")
    made = planned(folder, RANGES + "CONFIG_SCRIPT_FOLDER=code\n")
    assert made.settings["SCRIPT_FOLDER"] == str(folder / "code")


def test_several_commands_are_one_sweep(folder: Path) -> None:
    (folder / "b.py").write_text("", encoding="utf-8")
    text = replaced(f'"{COMMAND}"', f'"{COMMAND}"|"python b.py"')
    made = planned(folder, text)
    assert len(made.trials) == 16
    assert [part.split(":")[0] for part in made.settings["SCRIPT_DIGEST"].split()] == [
        "b.py",
        "train.py",
    ]


class TestAllowance:
    """`check_allowed` stands before every sweep."""

    def test_a_range_file_starts_nothing_by_itself(self, folder: Path) -> None:
        made = planned(folder)
        with pytest.raises(UserError, match="must be allowed once") as caught:
            script_plan.check_allowed(made.trials, made.settings)
        word = str(caught.value).rpartition("ALLOW=")[2]
        script_plan.check_allowed(made.trials, made.settings, word)
        script_plan.check_allowed(made.trials, made.settings)

    def test_more_numbers_need_no_new_word_and_more_texts_do(self, folder: Path) -> None:
        made = planned(folder)
        self.allow(made)
        wider = planned(folder, replaced("16|32", "16|32|64"))
        script_plan.check_allowed(wider.trials, wider.settings)
        other = planned(folder, RANGES + "CONFIG_ACT=relu|tanh\n")
        with pytest.raises(UserError, match="ACT=relu, ACT=tanh"):
            script_plan.check_allowed(other.trials, other.settings)

    def test_a_changed_file_is_planned_again_and_asked_about(self, folder: Path) -> None:
        made = planned(folder)
        self.allow(made)
        (folder / "train.py").write_text("print(12)\n", encoding="utf-8")
        with pytest.raises(UserError, match=r"train\.py: changed since the plan was made; plan ag"):
            script_plan.check_allowed(made.trials, made.settings)
        made = planned(folder)
        with pytest.raises(UserError, match="must be allowed once"):
            script_plan.check_allowed(made.trials, made.settings)

    def test_a_command_on_the_command_line_is_allowed(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(folder)
        over = script_plan.given_command("sh -c 'echo {SEED}'")
        made = planned(folder, "CONFIG_SEED=1|2\n", over)
        assert made.trials[0].config["SCRIPT"] == "sh -c 'echo {SEED}'"
        assert made.settings["SCRIPT_FOLDER"] == str(folder)
        script_plan.check_allowed(made.trials, made.settings)

    def test_what_is_to_be_typed_again_gives_the_same_plan(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(folder)
        command = "python train.py \"a b\" 'c\\d' {SEED}"
        made = planned(folder, "CONFIG_SEED=1|2\n", script_plan.given_command(command))
        plan.write_plan(made, tmp_path / "plan")
        (folder / "ranges").write_text("CONFIG_SEED=1|2 # again\n", encoding="utf-8")
        with pytest.raises(UserError) as caught:
            planning.open_plan(tmp_path / "plan")
        words = shlex.split(str(caught.value).partition("plan again: ")[2].partition(" (")[0])
        (text,) = [word.removeprefix("SET=") for word in words if word.startswith("SET=")]
        over = range_file.parse_assignments(text, "SET", Faults())
        assert planned(folder, "CONFIG_SEED=1|2\n", over).plan_id == made.plan_id

    @pytest.mark.parametrize("here", [True, False])
    def test_its_files_lie_here_or_beside_the_range_file(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: bool
    ) -> None:
        work = tmp_path / "work"
        work.mkdir()
        if here:
            (work / "train.py").write_text("", encoding="utf-8")
        monkeypatch.chdir(work)
        over = script_plan.given_command("python train.py")
        made = planned(folder, "CONFIG_SEED=1|2\n", over)
        assert made.settings["SCRIPT_FOLDER"] == str(work if here else folder)

    def test_a_plan_of_the_library_needs_none(self) -> None:
        script_plan.check_allowed([], {"TRAINER": "library"}, "nonsense")

    def test_a_hostile_plan_is_one_line(self, folder: Path) -> None:
        made = planned(folder)
        with pytest.raises(UserError, match="changed since the plan was made"):
            script_plan.check_allowed(made.trials, {"TRAINER": "script"})

    @staticmethod
    def allow(made: Plan) -> None:
        script = identify([trial.config for trial in made.trials], made.settings)
        script_plan.check_allowed(made.trials, made.settings, script.hash[:HEX])


@pytest.mark.parametrize("text", ["", "a 'b", "{X} a"])
def test_a_wrong_command_of_the_command_line_is_one_line(text: str) -> None:
    with pytest.raises(UserError, match="^SCRIPT:1: CONFIG_SCRIPT="):
        script_plan.given_command(text)


def test_a_pattern_keeps_its_backslashes_in_a_plan(folder: Path, tmp_path: Path) -> None:
    pattern = r"epoch (?P<epoch>\d+): (?P<val_acc>[\d.]+\%) \"x\" \\"
    written = pattern.replace("\\\\", "\\\\\\\\")
    made = planned(folder, RANGES + f'CONFIG_SCRIPT_PATTERN="{written}"\n')
    read = r'epoch (?P<epoch>\d+): (?P<val_acc>[\d.]+\%) "x" \\'
    assert made.trials[0].config["SCRIPT_PATTERN"] == read
    plan.write_plan(made, tmp_path / "plan")
    assert planning.open_plan(tmp_path / "plan").trials == made.trials
    alone = planning.plan_from_config(tmp_path / "plan" / "config_001")
    assert alone.trials[0].id == made.trials[0].id


def test_a_function_is_given_in_python(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^CONFIG_TRAINER=function: needs CONFIG_TRAIN_FUNCTION"):
        planned(tmp_path, "CONFIG_TRAINER=function\n")


def test_functions_are_no_packs_and_no_programs(tmp_path: Path) -> None:
    text = "CONFIG_TRAINER=function\nCONFIG_TRAIN_FUNCTION=a:b\nCONFIG_SEED=1|2\n"
    made = planned(tmp_path, text)
    assert {trial.shape for trial in made.trials} == {""}
    assert made.trials[0].config["TRAIN_FUNCTION"] == "a:b" and "SCRIPT" not in made.settings
