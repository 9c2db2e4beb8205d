"""Folders of images: which files are of which class, how many, and what is refused by its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from espalier.core.errors import UserError
from espalier.datasets.files.class_folders import list_images
from espalier.datasets.sample_counts import ImageCounts


def touch(root: Path, *paths: str) -> Path:
    """Empty files, with their folders; what ends in a slash is a folder alone."""
    for name in paths:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True) if name.endswith("/") else path.touch()
    return root


def refused(root: Path) -> str:
    with pytest.raises(UserError) as caught:
        list_images(root).count()
    (line,) = caught.value.lines
    return line.removeprefix(str(root))


def test_classes_and_files_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    folders = list_images(touch(tmp_path, "b/2.png", "b/10.JPG", "a/x.png", "LICENSE", ".git/x"))
    assert {name: [p.name for p in files] for name, files in folders.train.items()} == {
        "a": ["x.png"],
        "b": ["10.JPG", "2.png"],
    }
    assert folders.labels(folders.train) == [0, 1, 1]
    assert not folders.test


def test_a_test_may_lack_a_class_and_keeps_the_labels_of_training(tmp_path: Path) -> None:
    touch(tmp_path, "train/a/1.png", "train/b/1.png", "train/c/1.png", "test/c/1.png")
    folders = list_images(tmp_path)
    assert folders.labels(folders.test) == [2]
    assert folders.count() == ImageCounts(3, 3, 1)


def test_without_a_test_every_fifth_image_of_a_class_is_for_it(tmp_path: Path) -> None:
    touch(tmp_path, *(f"a/{number}.png" for number in range(11)), "b/1.png")
    assert list_images(tmp_path).count() == ImageCounts(10, 2, 2)
    for number in range(11):
        (tmp_path / "a" / f"{number}.png").rename(tmp_path / "b" / f"{number}0.png")
    touch(tmp_path, "a/0.png")
    assert list_images(tmp_path).count() == ImageCounts(11, 2, 2)


def test_what_is_hidden_is_no_image(tmp_path: Path) -> None:
    touch(tmp_path, "train/a/1.png", "train/a/.DS_Store", "train/b/1.png", "test/a/1.png")
    assert list_images(tmp_path).count() == ImageCounts(2, 2, 1)


@pytest.mark.parametrize(
    ("paths", "line"),
    [
        (["a/1.png"], ": has 1 folder; must have two or more, a folder of images for each class"),
        (["1.png"], ": has 0 folders; must have two or more"),
        (["train/a/1.png", "test/a/1.png"], "/train: has 1 folder; must have two or more"),
        (["a/1.png", "b/"], "/b: has no image; put some there or remove the class"),
        (["a/1.png", "b/.hidden.png"], "/b: has no image"),
        (["a/1.png", "b/c/1.png"], "/b/c: is no file; a class holds images alone"),
        (["a/1.png", "b/Thumbs.db"], "/b/Thumbs.db: is no image by its name; a class holds"),
        (["a/1.png", "b/1.png"], ": no class has images enough to leave one in five for a test"),
        (["a/1.png", "b/1.png", "test/a/1.png"], ": has test/ and no train/; put the classes into"),
        (["train/a/1.png", "train/b/1.png", "val/a/1.png"], "/val: beside train/ no folder but"),
        (["train/a/1.png", "train/b/1.png", "test/c/1.png"], "/test/c: is no class: train/ has"),
        (["train/a/1.png", "train/b/1.png", "test/a/"], "/test/a: has no image"),
        (["train/a/1.png", "train/b/1.png", "test/1.png"], "/test: has no folders of classes"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_must_be_is_named(tmp_path: Path, paths: list[str], line: str) -> None:
    assert refused(touch(tmp_path, *paths)).startswith(line)


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    absent = ": No such file or directory; put folders of images there: they are never downloaded"
    assert refused(tmp_path / "absent") == absent
    assert refused(tmp_path / "a\0b").startswith(": embedded null byte")
    assert refused(touch(tmp_path, "file") / "file").startswith(": Not a directory")


def test_links_that_lead_nowhere_or_round_are_no_images(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/1.png")
    link = tmp_path / "a" / "2.png"
    for place in ("absent.png", "2.png", tmp_path):  # nowhere, itself, the folder that it is in
        link.symlink_to(place)
        assert refused(tmp_path).startswith("/a/2.png: is no file")
        link.unlink()
    os.mkfifo(tmp_path / "a" / "pipe.png")
    assert refused(tmp_path).startswith("/a/pipe.png: is no file")


def test_links_to_images_and_to_folders_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "own/a/1.png", "own/c/2.png", "other/1.png")
    (tmp_path / "own" / "a" / "2.png").symlink_to("1.png")
    (tmp_path / "own" / "b").symlink_to("../other")
    (tmp_path / "own" / "d").symlink_to("d")  # round, and so no class
    assert list_images(tmp_path / "own").labels(list_images(tmp_path / "own").train) == [0, 0, 1, 2]


def test_any_name_is_a_class(tmp_path: Path) -> None:
    names = ["</script><img src=x>", "$x^$ \\ _", "line\nbreak", "\u00fc\U0001f600", "100%{x}"]
    folders = list_images(touch(tmp_path, *(f"{n.replace('/', '')}/1.png" for n in names)))
    assert list(folders.train) == sorted(n.replace("/", "") for n in names)
