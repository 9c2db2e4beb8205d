"""What docs/data.md says of sets, files, checksums and faults is so; its examples are read."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import own_data
import pytest
import torchvision

from espalier.core import component
from espalier.core.contracts import Dataset
from espalier.core.errors import UserError
from espalier.core.paths import ROOT
from espalier.core.samples import RawData
from espalier.core.trial_config import Config
from espalier.datasets import sample_counts
from espalier.datasets.files import corpora
from espalier.datasets.sample_counts import ImageCounts
from espalier.kconfig import defaults
from espalier.plan import planning

PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0]: part for part in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)}
READERS = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "cifar10": "CIFAR10"}
READERS["cifar100"] = "CIFAR100"


def rows(section: str) -> list[list[str]]:
    """The cells of a section's table, without the marks of code."""
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("| ")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[1:]]


def blocks(section: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", SECTIONS[section], re.MULTILINE | re.DOTALL)


def loaded(range_file: Path, data_dir: Path) -> RawData:
    """What the first trial of a range file trains on."""
    config = Config(planning.plan_from_files([range_file]).trials[0].config)
    raw = component.select("dataset", config, Dataset).load(data_dir, download=False)
    assert isinstance(raw, RawData)
    return raw


def test_every_set_is_listed_with_its_numbers() -> None:
    table = {name: what for name, what, _ in rows("Every set")}
    assert sorted(table) == component.names("dataset")
    for name in ("digits", "mnist_5k", "mnist", "cifar10"):
        counts = sample_counts.count(name, defaults.read().values() | {"DATA_VERIFY": "y"}, Path())
        assert isinstance(counts, ImageCounts)
        assert table[name].endswith(f"{counts.train:,} and {counts.test:,}")


def test_checksums_are_the_published_ones() -> None:
    expected = set()
    for name, reader in READERS.items():
        kind: Any = getattr(torchvision.datasets, reader)
        if hasattr(kind, "resources"):
            expected |= {(name, f"{reader}/raw/{file}", md5) for file, md5 in kind.resources}
        else:
            expected.add((name, kind.filename, kind.tgz_md5))
    assert {tuple(row) for row in rows("Files that are fetched")} == expected
    assert f"    {corpora.SHAKESPEARE_SHA256}\n" in SECTIONS["Text"]


@pytest.mark.parametrize("row", rows("Files that ship with packages"), ids=lambda row: row[0])
def test_checksums_are_those_of_the_packages_that_are_installed(row: list[str]) -> None:
    _, package, file, checksum = row
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed")
    content = Path(spec.origin).parent.joinpath(file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == checksum


def test_arrays_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    x, y = own_data.images()
    np.savez("data/others.npz", x_train=x, y_train=y, x_test=x[:9], y_test=y[:9])
    names: dict[str, Any] = {}
    for text in blocks("Arrays of your own", "python"):
        exec(text, names)  # noqa: S102
    (text,) = blocks("Arrays of your own", "bash")
    Path("range").write_text(text, encoding="utf-8")
    raw = loaded(Path("range"), tmp_path / "data")
    assert raw.train_x.shape == (480, 1, 16, 16) and raw.classes == 3
    Path("range").write_text(text.replace("own.npz", "renamed.npz"), encoding="utf-8")
    assert len(loaded(Path("range"), tmp_path / "data").test_y) == 9


def test_images_of_the_page(tmp_path: Path) -> None:
    own_data.write_folders(tmp_path / "flowers", test=20)
    (text,) = blocks("Images of your own", "bash")
    (tmp_path / "range").write_text(text, encoding="utf-8")
    assert loaded(tmp_path / "range", tmp_path).test_x.shape == (20, 3, 32, 32)


def faults(folder: Path) -> dict[str, str]:
    """A data set for each fault of the page, and its file or folder."""
    x, y = own_data.images(pixels=(3,))
    arrays: dict[str, dict[str, Any]] = {
        "a label is left out": {"y": y + 1},
        "arrays of Python objects": {"y": y.astype(object)},
        "another kind of numbers": {"x": x.astype(int)},
        "axes swapped": {"x": x.transpose(0, 3, 1, 2)},
    }
    for name, changed in arrays.items():
        own_data.write_npz(folder / f"{name}.npz", **changed)
    kinds = ("an empty class", "sizes differ", "a damaged image", "something else in a class")
    for name in kinds:
        own_data.write_folders(folder / name)
    first = folder / kinds[2] / "class_0" / "0000.png"
    first.write_bytes(first.read_bytes()[:-60])
    (folder / kinds[0] / "class_9").mkdir()
    (folder / kinds[1] / "class_0" / "0000.png").unlink()
    own_data.write_image(folder / kinds[1] / "class_0" / "0000.png", np.zeros((3, 3), np.uint8))
    (folder / kinds[3] / "class_0" / "notes.txt").touch()
    return dict.fromkeys(arrays, "npz") | dict.fromkeys(kinds, "folder")


def test_faults_end_in_the_lines_of_the_page(tmp_path: Path) -> None:
    table = dict(rows("What is refused"))
    kinds = faults(tmp_path)
    assert table.keys() == kinds.keys()
    for fault, line in table.items():
        own = {"npz": ("file", f"{fault}.npz"), "folder": ("path", fault)}[kinds[fault]]
        dataset = component.find("dataset", kinds[fault], Dataset)
        with pytest.raises(UserError) as caught:
            dataset(**dict([own])).load(tmp_path, download=False)
        assert str(caught.value).startswith(str(tmp_path / own[1]))
        assert line in str(caught.value), fault
