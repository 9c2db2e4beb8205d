"""`python -m espalier remap`: a report, a file, or one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from espalier.__main__ import run
from espalier.core.errors import UserError
from espalier.core.samples import SampleShape
from espalier.kconfig import tree
from espalier.models.mlp import Mlp

SHAPE = SampleShape(1, 8, 8, 10)


def remap(argv: list[str]) -> int:
    return run(["remap", *argv])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A complete `.config` of a small network on the digits."""
    wishes, path = tmp_path / "wishes", tmp_path / "config"
    lines = ("CONFIG_MODEL_SELECT_MLP=y", "CONFIG_MLP_WIDTH=12", "CONFIG_DEVICE_CPU=y")
    wishes.write_text("\n".join((*lines, "CONFIG_PRUNING_SELECT_NONE=y")) + "\n", encoding="utf-8")
    kconf = tree.parse()
    kconf.load_config(str(wishes))
    kconf.write_config(str(path))
    return path


def network(width: int = 12) -> torch.nn.Module:
    torch.manual_seed(3)
    return Mlp(width).build(SHAPE)


def file(folder: Path, prefix: str = "module.", width: int = 12, inside: str = "") -> Path:
    state = {prefix + name: t for name, t in network(width).state_dict().items()}
    torch.save({inside: state, "epoch": 3} if inside else state, folder / "given.pt")
    return folder / "given.pt"


@pytest.mark.parametrize("inside", ["", "state_dict"])
def test_it_writes_the_state_under_the_model_s_names(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], inside: str
) -> None:
    out = tmp_path / "out.pt"
    given = file(tmp_path, inside=inside)
    assert remap([str(given), "--model", str(config), "--out", str(out)]) == 0
    twin = network()
    twin.load_state_dict(torch.load(out, weights_only=True))
    x = torch.randn(5, 1, 8, 8)
    assert torch.equal(twin(x), network()(x))
    assert "0 missing" in capsys.readouterr().out


def test_a_dry_run_reports_and_writes_nothing(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, out = file(tmp_path, width=13), tmp_path / "out.pt"
    args = [str(given), "--model", str(config), "--dry-run", "--out", str(out)]
    assert remap(args) == 1
    assert not out.exists()
    assert "wrong shape: 1.weight" in capsys.readouterr().out


def test_what_does_not_fit_is_one_line(tmp_path: Path, config: Path) -> None:
    args = [str(file(tmp_path, width=13)), "--model", str(config), "--out", str(tmp_path / "o")]
    with pytest.raises(
        UserError, match=r"given\.pt: does not fit the model: .*wrong shape"
    ) as caught:
        remap(args)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "o").exists()


def test_renames(tmp_path: Path, config: Path) -> None:
    state = network().state_dict()
    state["head.weight"] = state.pop(list(state)[-2])
    torch.save(state, tmp_path / "given.pt")
    last = list(network().state_dict())[-2]
    args = [str(tmp_path / "given.pt"), "--model", str(config), "--dry-run"]
    assert remap([*args, "--rename", f"head.weight={last}"]) == 0
    for text in ("head", "=a", "a=b=c"):
        with pytest.raises(UserError, match="OLD=NEW"):
            remap([*args, "--rename", text])


def test_bad_files_and_missing_wishes_are_one_line(tmp_path: Path, config: Path) -> None:
    path = tmp_path / "bad.pt"
    path.write_bytes(b"no tensors here")
    with pytest.raises(UserError, match=r"bad\.pt"):
        remap([str(path), "--model", str(config), "--dry-run"])
    torch.save({"epoch": 1}, path)
    with pytest.raises(UserError, match="tensors by name"):
        remap([str(path), "--model", str(config), "--dry-run"])
    with pytest.raises(UserError, match="--out FILE"):
        remap([str(file(tmp_path)), "--model", str(config)])
