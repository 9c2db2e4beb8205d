from __future__ import annotations

from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.core.names import check_inside, checked


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../OUT", "/tmp/OUT", "a/b", "a/../../b", "a\0b", ".hidden", "a\nb", "\x1b[2J"]
    + ["x" * 256, "\ud800", 5, None, b"a"],
)
def test_what_is_no_name_of_an_entry_is_refused(name: object) -> None:
    with pytest.raises(UserError, match="plan: name of a folder") as error:
        checked(name, Path("plan"))
    assert str(error.value).isprintable()


@pytest.mark.parametrize("name", ["config_001_mlp_sgd_50", "x" * 255, "a b", "données", "a..b"])
def test_names_of_trials(name: str) -> None:
    assert checked(name, Path("plan")) == name


def test_links_may_lead_around_within_a_sweep_and_not_out_of_it(tmp_path: Path) -> None:
    folder, outside = tmp_path / "sweep", tmp_path / "outside"
    trial = folder / "trial"
    trial.mkdir(parents=True)
    outside.mkdir()
    (folder / "again").symlink_to(trial)
    (trial / "up").symlink_to(folder / "log")
    check_inside(folder, folder / "again")
    (trial / "output.log").symlink_to(outside / "profile")
    (folder / "other").symlink_to(outside)
    for directory in (trial, folder / "other"):
        with pytest.raises(UserError, match="out of the sweep's folder"):
            check_inside(folder, directory)


def test_the_folder_of_the_sweep_may_be_a_link_itself(tmp_path: Path) -> None:
    (tmp_path / "disk" / "sweep" / "trial").mkdir(parents=True)
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    sweep = tmp_path / "results" / "sweep"
    (sweep / "trial" / "same").symlink_to(sweep / "log")
    check_inside(sweep, sweep / "trial")
