from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fake_sweep import HERE
from given_variables import give

from espalier.__main__ import main
from espalier.core.errors import UserError
from espalier.plan import planning


def generate(*argv: str) -> int:
    return main(["sweep-generate", *argv])


@pytest.fixture(autouse=True)
def without_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_generate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r").write_text(
        "CONFIG_SEED=1:1:20\nCONFIG_PRUNING_METHOD=none|state\n", encoding="utf-8"
    )
    arguments = ["--output-dir", str(tmp_path / "out"), "--detect", "1"]
    assert generate(str(tmp_path / "r"), *arguments) == 0
    assert capsys.readouterr().out == (
        "Note: CONFIG_DATASET is not set, and digits is the default\n"
        "Variable parameters:\n"
        "  CONFIG_SEED: 20 values (1, 2, 3, ... 20)\n"
        "  CONFIG_PRUNING_METHOD: 2 values (none, state)\n"
        "\nPower: what a paired test at alpha 0.05 shows in 80 of 100 cases\n"
        "  mlp on digits, validation accuracy, 20 seeds: "
        "a difference of 0.66 standard deviations between two\n"
        "    in units of the spread of paired differences: "
        "no earlier sweep of that model and data shows it, 3 seeds of this plan would\n"
        "    to see 1 points: 10 seeds if that spread is 1 points, 34 if 2, 128 if 4\n"
        f"\nWrote 40 configurations to {tmp_path / 'out'}/\n"
    )
    assert len(list((tmp_path / "out").glob("config_*"))) == 40


def test_an_error_is_one_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r").write_text("CONFIG_SEDE=1\n", encoding="utf-8")
    assert generate(str(tmp_path / "r"), "--output-dir", str(tmp_path / "out")) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path / 'r'}:1: CONFIG_SEDE: no such symbol; did you mean CONFIG_SEED?\n"
    )
    assert not (tmp_path / "out").exists()


def test_the_limit_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r").write_text("CONFIG_SEED=1:1:9\n", encoding="utf-8")
    argv = [str(tmp_path / "r"), "--output-dir", str(tmp_path / "out")]
    monkeypatch.setenv("MAX_TRIALS", "8")
    assert generate(*argv) == 2
    assert "more than 8 trials (9 combinations: CONFIG_SEED has 9" in capsys.readouterr().err
    assert generate(*argv, "--max-trials", "9") == 0
    monkeypatch.setenv("MAX_TRIALS", "many")
    assert generate(*argv) == 2
    assert "MAX_TRIALS=many: must be an integer above 0" in capsys.readouterr().err


def test_overrides_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").write_text("CONFIG_SEED=1|2\n", encoding="utf-8")
    (tmp_path / "b").write_text("CONFIG_SEED=3\n", encoding="utf-8")
    out = str(tmp_path / "out")
    assert generate(str(tmp_path / "a"), str(tmp_path / "b"), "--output-dir", out) == 0
    note = f"Note: {tmp_path}/b:1: CONFIG_SEED=3 overrides {tmp_path}/a:1: CONFIG_SEED=1|2\n"
    note += "Note: CONFIG_DATASET is not set, and digits is the default\n"
    assert capsys.readouterr().out.startswith(note + "No variable parameters: one trial.\n")


def test_values_of_the_command_line_go_before_those_of_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("CONFIG_SEED=1|2\nCONFIG_DATASET=digits\n", encoding="utf-8")
    out = tmp_path / "out"
    give(monkeypatch, SET="SEED=3:1:5 CONFIG_NUM_EPOCHS=15|16")
    assert generate(str(tmp_path / "a"), "--output-dir", str(out)) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Note: SET:1: CONFIG_SEED=3|4|5 overrides {tmp_path}/a:1: CONFIG_SEED")
    assert "Wrote 6 configurations" in said
    written = planning.open_plan(out)
    assert written.assignments == {"SEED": "3:1:5", "NUM_EPOCHS": "15|16"}
    (tmp_path / "a").write_text("CONFIG_SEED=1\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"/a SET='SEED=3:1:5 NUM_EPOCHS=15\|16' \(the"):
        planning.open_plan(out)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NUM_EPOCHS=0", "SET:1: CONFIG_NUM_EPOCHS=0: "),
        ("SEED=1 NUM_EPOCH=5", "SET:2: CONFIG_NUM_EPOCH: no such symbol; "),
        ("SEED=1 SEED=2", "SET:2: CONFIG_SEED=2: line 1 sets it to another value; keep one"),
        ("SEED", "SET:1: CONFIG_SEED: expected CONFIG_NAME=value"),
    ],
)
def test_a_wrong_value_of_the_command_line_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (tmp_path / "a").write_text("CONFIG_DATASET=digits\n", encoding="utf-8")
    assert generate(str(tmp_path / "a"), "--set", text, "--output-dir", str(tmp_path / "out")) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert errors[0].startswith(f"error: {said}")
    assert not (tmp_path / "out").exists()


def test_several_files_in_one_argument_as_make_hands_them_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a").write_text("CONFIG_SEED=1|2\n", encoding="utf-8")
    Path("b*").write_text("CONFIG_NUM_EPOCHS=20|30\n", encoding="utf-8")
    Path("my ranges").write_text("CONFIG_SEED=1:1:7\n", encoding="utf-8")
    assert generate("a  b*", "--output-dir", "out") == 0
    assert "Wrote 4 configurations" in capsys.readouterr().out
    assert generate("my ranges", "--output-dir", "out") == 0
    assert "Wrote 7 configurations" in capsys.readouterr().out
    assert generate("a absent", "--output-dir", "out") == 2
    assert capsys.readouterr().err.startswith("error: absent: no such range file")


def test_planning_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("CONFIG_SEED=1|2\n", encoding="utf-8")
    code = (
        "import sys; from espalier.__main__ import main; main(sys.argv[1:]); "
        "print([m for m in ('torch', 'scipy', 'pandas', 'numpy') if m in sys.modules])"
    )
    argv = [sys.executable, "-c", code, "sweep-generate", str(tmp_path / "r")]
    argv += ["--output-dir", str(tmp_path / "out")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_estimate_of_measured_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "CONFIG_DATASET=digits\nCONFIG_SEED=1|2|3\nCONFIG_DEVICE=cpu\n"
    (tmp_path / "r").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACK", "1")
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    argv = ["sweep-estimate", "r", "--parallel", "1", "--entry", "epochs_entry:train"]
    assert main(argv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Variable parameters:"  # known before, and also if the time is not
    assert "Measuring 1 network of 3 trials ..." in lines
    assert "Trials: 3" in lines
    assert "A trial takes 2m20s to 2m49s; all, one after the other, 7m00s to 8m28s" in lines
    assert main([*argv[:-1], "fake_entry:real"]) == 2
    problem = "no estimate: config_001 cannot be measured: failed (unmeasured): the entry's module"
    assert capsys.readouterr().err == f"error: {problem} has no measure_speed\n"
    assert main(["sweep-estimate", "r", "--parallel", "x"]) == 2
    assert "--parallel x: must be an integer" in capsys.readouterr().err


def test_a_difference_that_is_to_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r").write_text("CONFIG_SEED=1|2\nCONFIG_NUM_EPOCHS=20|30\n", encoding="utf-8")
    monkeypatch.setenv("DETECT", "0.2")
    monkeypatch.setenv("RANK_BY", "val_loss")
    assert generate("r", "--output-dir", "out") == 0
    out = capsys.readouterr().out
    assert "  mlp on digits, validation loss, 2 seeds: a difference of" in out
    assert "to see 0.2 nats: 10 seeds if that spread is 0.2 nats, 34 if 0.4, 128 if 0.8\n" in out
    for value in ("0", "-1", "nan", "much"):
        monkeypatch.setenv("DETECT", value)
        assert generate("r", "--output-dir", "out") == 2
        assert capsys.readouterr().err == f"error: DETECT={value}: must be a number above 0\n"


def test_the_level_of_what_is_to_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r").write_text("CONFIG_SEED=1|2\nCONFIG_NUM_EPOCHS=20|30\n", encoding="utf-8")
    monkeypatch.setenv("ALPHA", "0.0167")
    assert generate("r", "--output-dir", "out", "--detect", "0.2") == 0
    assert "Power: what a paired test at alpha 0.0167 shows in" in capsys.readouterr().out
    assert generate("r", "--output-dir", "out") == 2
    line = "error: ALPHA: is of DETECT; give both, or leave it out\n"
    assert capsys.readouterr().err == line


def test_a_claim_is_checked_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "CONFIG_SEED=1|2\nCONFIG_NUM_EPOCHS=20|30\n"
    claim = "NUM_EPOCHS=30 better than NUM_EPOCHS=20 by 0 val_acc at any steps"
    (tmp_path / "r").write_text(f'{text}CONFIG_CLAIM="{claim}"\n', encoding="utf-8")
    assert generate("r", "--output-dir", "out") == 0
    said = "Claims, sealed when the sweep begins (alpha 0.05, 2 seeds, sha256 "
    assert said in capsys.readouterr().out
    (tmp_path / "r").write_text(f'{text}CONFIG_CLAIM="{claim.replace("30", "3")}"\n', "utf-8")
    assert generate("r", "--output-dir", "other") == 2
    assert capsys.readouterr().err.startswith("error: r:3: CONFIG_CLAIM=NUM_EPOCHS=3 better than")
    assert not (tmp_path / "other").exists()


def test_the_sampler_of_the_command_line_and_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r").write_text(
        "CONFIG_LEARNING_RATE=1e-4|1e-3|1e-2\nCONFIG_ADAMWPRUNE_BETA1=0.8|0.85|0.9\n"
        "CONFIG_ADAMWPRUNE_WEIGHT_DECAY=0|0.1|0.2\nCONFIG_PRUNING_WARMUP=50|100|150\n",
        encoding="utf-8",
    )
    argv = [str(tmp_path / "r"), "--output-dir", str(tmp_path / "out")]
    monkeypatch.setenv("SAMPLER", "orthogonal")
    assert generate(*argv) == 0
    out = capsys.readouterr().out
    assert "\n\nL9: 9 of 81 combinations\n  CONFIG_LEARNING_RATE: column 1\n" in out
    assert "Wrote 9 configurations" in out
    assert generate(*argv, "--sampler", "grid") == 0
    assert "Wrote 81 configurations" in capsys.readouterr().out
    assert generate(*argv, "--sampler", "sobel") == 2
    line = "error: --sampler sobel: did you mean sobol? it must be one of "
    assert capsys.readouterr().err.startswith(line)


@pytest.mark.parametrize(
    ("sampler", "by", "rule"),
    [
        ("cmaes", "val_acc,live_parameters", "CONFIG_SAMPLER=cmaes takes 1 measure at most"),
        ("tpe", "test_acc", "test_acc is of the test data, which would then choose what"),
        ("grid", "speed", "must be one of"),
    ],
)
def test_what_ranks_is_refused_as_by_sweep(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sampler: str,
    by: str,
    rule: str,
) -> None:
    Path("r").write_text("CONFIG_MLP_WIDTH=8|16|32\n", encoding="utf-8")
    monkeypatch.setenv("RANK_BY", by)
    monkeypatch.setenv("SAMPLER", sampler)
    assert generate("r", "--output-dir", "out") == 2
    said = capsys.readouterr().err
    assert f"RANK_BY={by}: {rule}" in said
    assert not Path("out").exists()
    assert main(["sweep", "r"]) == 2
    assert capsys.readouterr().err == said
