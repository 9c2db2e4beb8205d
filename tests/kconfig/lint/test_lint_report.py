"""Each finding of the lint is seen in a tree that has it, and the real tree has none."""

from __future__ import annotations

import shutil
from pathlib import Path

import kconfiglib
import pytest

from espalier.__main__ import run
from espalier.core.errors import UserError
from espalier.core.paths import ROOT
from espalier.core.trees import own_trees
from espalier.kconfig import tree
from espalier.kconfig.lint import lint_code, lint_report, lint_tree


def test_the_tree_is_clean():
    assert lint_report.findings(ROOT) == []


MLP = "depends on MODEL_SELECT_MLP\n"
TEXT = "help\n\t  What it is.\n"
HELP = f"{TEXT}\t  Pack: same\n"
SCOPES = "'Identity: no', 'Identity: content', 'Pack: same', 'Pack: may differ'"
OTHERS = "'Absent: 0', 'Float in [a, b)', 'Measure: name max'"
FORMS = f"{SCOPES}, 'Trust: needed', 'Control: yes', {OTHERS}"
C = "config C\n\tbool\n"
CASES = {  # a symbol's definition -> what is said about it
    'config A\n\tbool "A"\n': [
        "CONFIG_A has a prompt and no help",
        f"CONFIG_A must have one of the help lines {SCOPES}",
    ],
    f'config A\n\tbool "A" if B\n\t{HELP}': ["refers to CONFIG_B, which nothing defines"],
    f'config A\n\tstring "A"\n\tdefault "0.5"\n\t{HELP}': [
        "CONFIG_A has a number as its default and no help line 'Float in [a, b]'"
    ],
    f'config A\n\tstring "A"\n\tdefault "1e-1"\n\t{HELP}\t  Float in [0, 1]\n': [
        "CONFIG_A: default 1e-1 must be written 0.1"
    ],
    f'config A\n\tstring "A"\n\tdefault "2"\n\t{HELP}\t  Float in [0, 1]\n': [
        "CONFIG_A: default 2 is not in [0, 1]"
    ],
    f'config A\n\tstring "A"\n\tdefault "x"\n\t{HELP}\t  Float in [0, 1]\n': [
        "CONFIG_A: default 'x' is not a number"
    ],
    f'config A\n\tint "A"\n\t{HELP}\t  Float in [0, 1]\n': [
        "CONFIG_A has 'Float in', which belongs to string symbols"
    ],
    f'config A\n\tbool "A"\n\t{TEXT}': [f"CONFIG_A must have one of the help lines {SCOPES}"],
    **{
        f'config A\n\tstring "A"\n\t{HELP}\t  {line}\n': [
            f"CONFIG_A has the help line {line!r}, which is no mark; marks are {FORMS}"
        ]
        for line in ("identity: No", "Pack: the same", "Control: none", "Float between 0 and 1")
    },
    f'config A\n\tbool "A"\n\t{HELP}\t  Identity: no\n': [
        "CONFIG_A has more than one help line of a kind: 'Pack: same', 'Identity: no'"
    ],
    f"config A\n\tbool\n\t{HELP}": [
        "CONFIG_A has 'Pack: same', which belongs to what a user can set"
    ],
    f'config A\n\tbool "A"\n\t{HELP}\t  Control: yes\n': [
        "CONFIG_A has 'Control: yes', which belongs to members of a choice"
    ],
    f'config A\n\tint "A"\n\trange 5 1\n\tdefault 5\n\t{HELP}': ["CONFIG_A: range 5 1 is empty"],
    f'config A\n\tbool "A"\n\tselect B\n\t{HELP}config B\n\tbool\n\tdepends on C\n{C}': [
        "CONFIG_A selects CONFIG_B, whose dependencies it overrules"
    ],
    f'config A\n\tbool "A"\n\tselect B\n\t{HELP}config B\n\tbool "B"\n\t{HELP}': [
        "CONFIG_A selects CONFIG_B, which a user can set"
    ],
    f'choice\n\tprompt "A"\n\t{HELP}config A_ONE\n\tbool "1"\n\t{TEXT}endchoice\n': [
        "this choice has no name, so trials cannot record it"
    ],
    f'choice A\n\tprompt "A"\n\t{HELP}config ONE\n\tbool "1"\n\t{TEXT}endchoice\n': [
        "CONFIG_ONE must be named A_..., as a member of the choice"
    ],
    'choice A\n\tprompt "A"\nconfig A_ONE\n\tbool "1"\n\t' + TEXT + "endchoice\n": [
        "choice A has a prompt and no help",
        f"choice A must have one of the help lines {SCOPES}",
    ],
    f'choice A\n\tprompt "A"\n\t{HELP}config A_ONE\n\tbool "1"\n\t{HELP}endchoice\n': [
        "CONFIG_A_ONE has 'Pack: same', which belongs to its choice"
    ],
    f'config A\n\tbool "A"\n\t{HELP}': [],
    f'config A\n\tstring "A"\n\tdefault "0.5"\n\t{HELP}\t  Float in (0, inf)\n': [],
}


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_a_tree(text, expected, tmp_path, monkeypatch):
    (tmp_path / "Kconfig").write_text(text, encoding="utf-8")
    monkeypatch.setenv("srctree", str(tmp_path))  # noqa: SIM112
    kconf = kconfiglib.Kconfig("Kconfig", warn_to_stderr=False)
    lines = list(lint_tree.findings(kconf))
    assert [line.partition(": ")[2] for line in lines] == expected
    assert all(line.startswith("Kconfig:") for line in lines)


def copied(folder: Path) -> Path:
    """The real tree and code, to break."""
    for name in ("lib", "models", "defconfigs"):
        shutil.copytree(
            ROOT / name,
            folder / name,
            symlinks=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    shutil.copy(ROOT / "Kconfig", folder)
    return folder


def add(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


SHAPE = f'config MLP_SHAPE\n\tint "Shape"\n\t{MLP}\tdefault 1\n\t{HELP}'
SHOW = f'config MLP_SHOW\n\tbool "Show"\n\t{MLP}\t{HELP}'
SHOWN = "config MLP_SHOWN\n\tbool\n\tdepends on MLP_SHOW\n"
KIND = f'choice MLP_KIND\n\tprompt "Kind"\n\t{MLP}\t{HELP}'
MEMBER = f'config MLP_KIND_A\n\tbool "A"\n\t{TEXT}endchoice\n'
NAMED = 'NAME = "x"\nif NAME in ("mlp", "lenet5"):\n    pass\nASK = "MODEL_SELECT_MLP"\n'


def test_a_tree_with_faults(tmp_path: Path):
    """All in one tree, since the lint reads the whole of it each time; then two are mended."""
    copy = copied(tmp_path)
    fragment = copy / "models/mlp.Kconfig"
    text = fragment.read_text(encoding="utf-8").replace("\t  Pack: same\n", "", 1)
    fragment.write_text(text + SHAPE + SHOW + SHOWN + KIND + MEMBER, encoding="utf-8")
    add(copy / "models/mlp.py", "    shown: bool\n")
    other = "lib/espalier/core/trial_config.py"
    (copy / other).write_text(NAMED, encoding="utf-8")
    lines = lint_report.findings(copy)
    named = [
        f"{other}:2: compares with component 'lenet5'",
        f"{other}:2: compares with component 'mlp'",
        f"{other}:4: names component 'mlp'",
    ]
    unread = [
        f"CONFIG_MLP_WIDTH must have one of the help lines {SCOPES}",
        "CONFIG_MLP_SHAPE is read by nothing",
        "CONFIG_MLP_SHOW is read by nothing",  # although another symbol does
        "choice MLP_KIND is read by nothing",
    ]
    assert [line for line in lines if line.startswith(other)] == named
    elsewhere = [line for line in lines if not line.startswith(other)]
    assert sorted(line.partition(": ")[2] for line in elsewhere) == sorted(unread)
    add(copy / "models/mlp.py", "    shape: int\n")
    (copy / other).write_text((ROOT / other).read_text(encoding="utf-8"), encoding="utf-8")
    left = [line.partition(": ")[2] for line in lint_report.findings(copy)]
    assert sorted(left) == sorted(set(unread) - {"CONFIG_MLP_SHAPE is read by nothing"})


def test_symbols_of_programs_need_no_python_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = (
        f'config OWN_{n}\n\tint "N"\n{depends}\tdefault 1\n\t{HELP}'
        for n, depends in (("A", "\tdepends on TRAINER_SCRIPT\n"), ("B", ""))
    )
    (tmp_path / "Kconfig").write_text("\n".join(texts), encoding="utf-8")
    monkeypatch.setenv(own_trees.VARIABLE, str(tmp_path))
    unread = lint_code._unread(tree.parse(), lint_code._Code())
    lines = [line for line in unread if line.startswith(str(tmp_path))]
    assert [line.partition(": ")[2] for line in lines] == ["CONFIG_OWN_B is read by nothing"]


def test_a_select_within_what_both_need_overrules_nothing(tmp_path: Path) -> None:
    text = (
        f'config A\n\tbool "A"\n\tdepends on C\n\tselect B\n\t{HELP}'
        f"config B\n\tbool\n\tdepends on C\n{C}"
    )
    (tmp_path / "Kconfig").write_text(text, encoding="utf-8")
    kconf = kconfiglib.Kconfig(str(tmp_path / "Kconfig"), warn_to_stderr=False)
    assert not [line for line in lint_tree.findings(kconf) if "overrules" in line]


def test_half_a_component(tmp_path: Path):
    copy = copied(tmp_path)
    (copy / "models/mlp.py").rename(copy / "models/perceptron.py")
    lines = lint_code._unpaired_files(copy)
    assert sorted(line.partition(": ")[2] for line in lines) == [
        "this Model has no Kconfig fragment beside it",
        "this fragment has no Python file beside it",
    ]


def test_the_exit_code_and_the_count(monkeypatch, capsys):
    monkeypatch.setattr(lint_report, "findings", lambda root: ["a:1: bad"])
    assert run(["lint"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("Kconfig lint: 1 finding\n", "a:1: bad\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = (\n", ":2: '(' was never closed; correct the Python file"),
        ("x = 1\0", ":1: source code string cannot contain null bytes; correct the Python file"),
    ],
)
def test_a_file_that_is_no_python_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        lint_code._nodes_in(path)
    assert list(caught.value.lines) == [f"{path}{said}"]
