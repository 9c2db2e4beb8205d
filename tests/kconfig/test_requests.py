from __future__ import annotations

from pathlib import Path

import pytest
import toy

from espalier.core.errors import UserError
from espalier.kconfig import requests, tree
from espalier.kconfig.assign import DEFAULT
from espalier.kconfig.symbols import Symbols


@pytest.fixture(scope="module")
def symbols(tmp_path_factory: pytest.TempPathFactory) -> Symbols:
    return toy.symbols(tmp_path_factory.mktemp("toy"))


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("CONFIG_RATE=0.1|1e-1|0.2", "RATE", ("0.1", "0.2")),
        ("CONFIG_COUNT=005", "COUNT", ("5",)),
        ("CONFIG_MASK=0x10:0x10:0x20", "MASK", ("0x10", "0x20")),
        ("CONFIG_LABEL=a|0.10", "LABEL", ("a", "0.10")),
        ("CONFIG_COLOR=blue|Red", "COLOR", ("blue", "red")),
        ("CONFIG_COLOR_BLUE=y", "COLOR", ("blue",)),
        ("CONFIG_COLOR_BLUE=y\n# CONFIG_COLOR_RED is not set", "COLOR", ("blue",)),
        ("CONFIG_COLOR_BLUE=y|n", "COLOR", ("blue", DEFAULT)),
        ("CONFIG_SHAPE_SELECT_ROUND=y|n\nCONFIG_SHAPE_SELECT_STAR=n|y", "SHAPE", None),
        ("# CONFIG_PAINT is not set", "PAINT", ("n",)),
    ],
)
def test_requests(symbols: Symbols, text: str, name: str, values: tuple[str, ...] | None) -> None:
    by_name = toy.parse_requests(symbols, text)
    assert list(by_name) == [name]
    assert by_name[name].values == (values or ("round", DEFAULT, "star"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CONFIG_CONT=1", "f:1: CONFIG_CONT: no such symbol; did you mean CONFIG_COUNT?"),
        ("CONFIG_ZZZZZZ=1", "f:1: CONFIG_ZZZZZZ: no such symbol; `make menuconfig` shows"),
        ("CONFIG_RATE=abc", "f:1: CONFIG_RATE=abc: must be a finite decimal number"),
        ("CONFIG_RATE=0.5|0|1", "f:1: CONFIG_RATE=0: must be in (0, 1]"),
        ("CONFIG_COUNT=1e3", "f:1: CONFIG_COUNT=1e3: must be a decimal integer"),
        ("CONFIG_COUNT=1:0.5:3", "f:1: CONFIG_COUNT=1.5|2.5: must be a decimal integer"),
        ("CONFIG_PAINT=m", "f:1: CONFIG_PAINT=m: must be y or n"),
        ("# CONFIG_COUNT is not set", "f:1: CONFIG_COUNT=n: must be a decimal integer"),
        ("CONFIG_COLOR=bleu", "f:1: CONFIG_COLOR=bleu: no such member; did you mean blue?"),
        ("CONFIG_COLOR=red\nCONFIG_COLOR_BLUE=y", "f:2: CONFIG_COLOR_BLUE=y: line 1 sets CONFIG_C"),
        (
            "CONFIG_COLOR_BLUE=y\nCONFIG_COLOR=red|blue",
            "f:1: CONFIG_COLOR_BLUE=y: line 2 sets CONF",
        ),
        ("CONFIG_COLOR=red\n# CONFIG_COLOR_RED is not set", "f:2: CONFIG_COLOR_RED=n: line 1 sets"),
        (
            "CONFIG_COLOR=red\n\nCONFIG_COLOR=blue",
            "f:3: CONFIG_COLOR=blue: line 1 sets it to anothe",
        ),
        (
            "CONFIG_COLOR_RED=y\n# CONFIG_COLOR_RED is not set",
            "f:2: CONFIG_COLOR_RED=n: line 1 sets",
        ),
        ("CONFIG_COUNT=1\nCONFIG_COUNT=2", "f:2: CONFIG_COUNT=2: line 1 sets it to another value"),
        (
            "CONFIG_PAINT=y\n# CONFIG_PAINT is not set",
            "f:2: CONFIG_PAINT=n: line 1 sets it to anot",
        ),
        ("CONFIG_COLOR_RED=y\nCONFIG_COLOR_BLUE=y", "f:2: CONFIG_COLOR_BLUE=y: line 1 already"),
        ("CONFIG_PLACE=a|b", "f:1: CONFIG_PLACE=a|b: is not part of a trial's identity"),
        ("CONFIG_VOICE=loud|low", "f:1: CONFIG_VOICE=loud|low: is not part of a trial's"),
        ("CONFIG_HAS_EDGE=y|n", "f:1: CONFIG_HAS_EDGE=y|n: has no prompt"),
    ],
)
def test_what_can_never_be_right(symbols: Symbols, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        toy.parse_requests(symbols, text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("CONFIG_COUNT=5\nCONFIG_COUNT=005", "COUNT", ("5",)),
        ('CONFIG_RATE=0.1\nCONFIG_RATE="1e-1"', "RATE", ("0.1",)),
        ("CONFIG_RATE=0.1|0.2\nCONFIG_RATE=0.2|0.1", "RATE", ("0.1", "0.2")),
        ("CONFIG_COLOR=red\nCONFIG_COLOR_RED=y", "COLOR", ("red",)),
        ('CONFIG_COLOR_RED=y\nCONFIG_COLOR="Red"', "COLOR", ("red",)),
        ("CONFIG_COLOR_RED=y\nCONFIG_COLOR_RED=y", "COLOR", ("red",)),
        ("CONFIG_COLOR=red\n# CONFIG_COLOR_BLUE is not set", "COLOR", ("red",)),
        ("CONFIG_COLOR=blue|red\nCONFIG_COLOR_RED=y|n\nCONFIG_COLOR_BLUE=n|y", "COLOR", None),
        ("# CONFIG_PAINT is not set\nCONFIG_PAINT=n", "PAINT", ("n",)),
    ],
)
def test_what_is_said_twice_in_agreement_is_no_conflict(
    symbols: Symbols, text: str, name: str, values: tuple[str, ...] | None
) -> None:
    if values is None:  # both off is not said by the name
        with pytest.raises(UserError, match="line 1 sets CONFIG_COLOR to another value"):
            toy.parse_requests(symbols, text)
        return
    by_name = toy.parse_requests(symbols, text)
    assert {n: request.values for n, request in by_name.items()} == {name: values}


def test_every_fault_of_all_files_is_told_by_file_and_line(
    symbols: Symbols, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(
        "CONFIG_RATE=2\nCONFIG_NONE=1\nFOO\nCONFIG_COUNT=1\nCONFIG_COUNT=2\n", encoding="utf-8"
    )
    second.write_bytes(b"\nCONFIG_LABEL=\xe9\n")
    with pytest.raises(UserError) as caught:
        requests.read(symbols, [first, tmp_path / "absent", second])
    places = [line.removeprefix(f"{tmp_path}/").split(" ")[0] for line in caught.value.lines]
    assert places[:4] == ["first:1:", "first:2:", "first:3:", "first:5:"]
    assert places[4:] == ["absent:", "second:2:"]


def test_later_files_win_and_say_so(symbols: Symbols) -> None:
    files = [
        toy.parse_requests(symbols, "CONFIG_COUNT=1|2\nCONFIG_COLOR_RED=y\nCONFIG_RATE=0.5", "a"),
        toy.parse_requests(symbols, "CONFIG_COLOR=blue\nCONFIG_COUNT=4\nCONFIG_RATE=0.50", "b"),
    ]
    merged, notes = requests.merge(files)
    assert {name: request.values for name, request in merged.items()} == {
        "COUNT": ("4",),
        "COLOR": ("blue",),
        "RATE": ("0.5",),
    }
    assert notes == [
        "b:1: CONFIG_COLOR=blue overrides a:2: CONFIG_COLOR=red",
        "b:2: CONFIG_COUNT=4 overrides a:1: CONFIG_COUNT=1|2",
    ]


def test_very_many_switches_of_a_choice_are_read_at_once(tmp_path: Path) -> None:
    members = "".join(f'config C_{n}\n    bool "{n}"\n' for n in range(40))
    text = f'choice C\n    prompt "C"\n    help\n      Pack: may differ\n{members}endchoice\n'
    (tmp_path / "Kconfig").write_text(text, encoding="utf-8")
    switches = "\n".join(f"CONFIG_C_{n}=n|y" for n in range(40))
    request = toy.parse_requests(Symbols(tree.parse(tmp_path)), switches)["C"]
    assert request.values == (DEFAULT, *(str(n) for n in reversed(range(40))))


def test_an_interval_is_an_axis_of_a_number(symbols: Symbols) -> None:
    requested = toy.parse_requests(
        symbols, "CONFIG_COUNT=2~9\nCONFIG_RATE=1e-3~*1\nCONFIG_LABEL=1~2"
    )
    spans = {name: str(request.interval) for name, request in requested.items()}
    assert spans == {"COUNT": "2~9", "RATE": "0.001~*1", "LABEL": "None"}
    assert requested["COUNT"].is_axis and requested["COUNT"].values == ("2~9",)
    assert requested["COUNT"].interval and requested["COUNT"].interval.whole
    assert not requested["LABEL"].is_axis


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CONFIG_COUNT=2~0.5", "f:1: CONFIG_COUNT=2~0.5: the interval is empty; write 0.5~2"),
        ("CONFIG_RATE=0~1", r"f:1: CONFIG_RATE=0~1: must be in \(0, 1\]"),
        ("CONFIG_EDGE=0~9", r"f:1: CONFIG_EDGE=0~9: must be in \[1, 9\]"),
        ("CONFIG_RATE=0.1~0.2|0.5", "an interval has no other values beside it"),
        ('CONFIG_RATE="0.1~0.2"', "must be a finite decimal number"),
        ("CONFIG_RATE=0.1~0.2\nCONFIG_RATE=0.1~0.3", "f:2: .* line 1 sets it to another value"),
        ("CONFIG_SWEEP_MAX_TRIALS=1~9", "is not part of a trial's identity and cannot be swept"),
        ("CONFIG_PAINT=0~1", "must be y or n"),
        ("CONFIG_MASK=1~2", "must be a hexadecimal integer"),
    ],
)
def test_intervals_that_are_wrong(symbols: Symbols, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        toy.parse_requests(symbols, text)


def test_an_interval_may_be_said_twice_and_overridden(symbols: Symbols) -> None:
    twice = toy.parse_requests(symbols, "CONFIG_RATE=0.1~0.2\nCONFIG_RATE=1e-1~0.20")
    assert str(twice["RATE"].interval) == "0.1~0.2"
    later = toy.parse_requests(symbols, "CONFIG_RATE=0.5", "g")
    merged, notes = requests.merge([twice, later])
    assert merged["RATE"].values == ("0.5",) and not merged["RATE"].is_axis
    assert notes == ["g:1: CONFIG_RATE=0.5 overrides f:1: CONFIG_RATE=0.1~0.2"]
