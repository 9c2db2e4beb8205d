"""Data sets in files: read as they are on disk, verified, and one clear line when they are not."""

import functools
import gzip
import http.server
import logging
import shutil
import socket
import tarfile
import threading
from pathlib import Path

import pytest
import torch
import torchvision
from small_files import IDX_NAMES, md5, write_batches, write_idx

from espalier.core import component
from espalier.core.contracts import Dataset
from espalier.core.errors import UserError
from espalier.datasets.files import published

IDX = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}
BATCHES = {"cifar10": 10, "cifar100": 100}


def dataset(name, verify=False):
    return component.find("dataset", name, Dataset)(verify=verify)


def one_line(data, folder, download=False):
    with pytest.raises(UserError) as caught:
        data.load(folder, download)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def forgetful():
    published.warn_unverified.cache_clear()


@pytest.fixture
def no_network(monkeypatch):
    """A machine without a network: every connection is refused at once."""

    def refuse(*args, **kwargs):
        raise OSError("network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def published_idx(tmp_path, monkeypatch):
    """Small packed files, with torchvision told that theirs are the published checksums."""
    arrays = write_idx(tmp_path, packed=True)
    folder = tmp_path / "MNIST" / "raw"
    resources = [(f"{name}.gz", md5(folder / f"{name}.gz")) for name in IDX_NAMES.values()]
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    return folder, arrays


@pytest.fixture
def published_batches(tmp_path, monkeypatch):
    """Small CIFAR-10 files, and their archive, with torchvision told likewise."""
    batches, reader = write_batches(tmp_path), torchvision.datasets.CIFAR10
    folder = tmp_path / reader.base_folder
    sums = {name: md5(folder / name) for name in batches}
    for part in ("train_list", "test_list"):
        pairs = [[name, sums[name]] for name, _ in getattr(reader, part)]
        monkeypatch.setattr(reader, part, pairs)
    monkeypatch.setattr(reader, "meta", {**reader.meta, "md5": sums["batches.meta"]})
    with tarfile.open(tmp_path / reader.filename, "w:gz") as archive:
        archive.add(folder, reader.base_folder)
    monkeypatch.setattr(reader, "tgz_md5", md5(tmp_path / reader.filename))
    return folder, batches


@pytest.mark.parametrize("name", IDX)
@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_are_read_byte_for_byte(tmp_path, name, packed):
    arrays = write_idx(tmp_path, IDX[name], train=40, test=20, packed=packed)
    raw = dataset(name).load(tmp_path, download=False)
    assert raw.train_x.shape == (40, 1, 28, 28) and raw.test_x.shape == (20, 1, 28, 28)
    assert raw.classes == 10 and raw.train_x.dtype == torch.uint8
    torch.testing.assert_close(raw.train_x[:, 0], torch.from_numpy(arrays["train_x"]))
    assert raw.test_y.tolist() == arrays["test_y"].tolist()


@pytest.mark.parametrize("name", BATCHES)
def test_batches_are_read_channel_by_channel_and_row_by_row(tmp_path, name):
    written = write_batches(tmp_path, classes=BATCHES[name], samples=20, test=7)
    raw = dataset(name).load(tmp_path, download=False)
    first = next(iter(written.values()))
    assert raw.classes == BATCHES[name] and raw.test_x.shape == (7, 3, 32, 32)
    assert len(raw.train_x) == 20 * (len(written) - 2)
    pixel = first["data"][3][2 * 1024 + 5 * 32 + 6]  # sample 3, blue, row 5, column 6
    assert raw.train_x[3, 2, 5, 6] == int(pixel)
    assert raw.train_y[:20].tolist() == first.get("labels", first.get("fine_labels"))


@pytest.mark.parametrize("name", [*IDX, *BATCHES])
def test_absent_and_not_to_be_downloaded(tmp_path, name):
    message = one_line(dataset(name, verify=True), tmp_path / "data")
    assert str(tmp_path / "data") in message
    assert "set CONFIG_DOWNLOAD=y or put the files there" in message
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", [*IDX, *BATCHES])
def test_a_download_without_a_network_is_one_line(tmp_path, name, no_network):
    message = one_line(dataset(name, verify=True), tmp_path, download=True)
    assert message.startswith("CONFIG_DOWNLOAD=y: ") and "network is unreachable" in message


@pytest.mark.parametrize("name", [*IDX, *BATCHES])
def test_nothing_is_downloaded_among_unverified_files(tmp_path, name, no_network):
    message = one_line(dataset(name, verify=False), tmp_path, download=True)
    assert "unverified sets are never downloaded" in message


def test_a_download_gives_up_on_a_silent_server(tmp_path, monkeypatch):
    monkeypatch.setattr(published, "NETWORK_TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mirror = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [mirror])
        assert "timed out" in one_line(dataset("mnist", verify=True), tmp_path, download=True)
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize("name", [*IDX, *BATCHES])
def test_other_files_than_the_published_are_refused_unless_asked_for(tmp_path, name):
    if name in IDX:
        write_idx(tmp_path, IDX[name], packed=True)
    else:
        write_batches(tmp_path, BATCHES[name])
    message = one_line(dataset(name, verify=True), tmp_path)
    assert "damaged or not the published file" in message and "CONFIG_DATA_VERIFY=n" in message
    assert Path(message.split(": ")[0]).is_file()


def test_reading_without_verification_is_said_once(tmp_path, caplog):
    write_idx(tmp_path)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            dataset("mnist").load(tmp_path, download=False)
    assert [r.message for r in caplog.records] == [
        f"CONFIG_DATA_VERIFY=n: {tmp_path}/MNIST/raw is read without comparing checksums"
    ]


def test_published_idx_files_are_accepted_and_unpacked(published_idx, tmp_path, no_network):
    folder, arrays = published_idx
    for _ in range(2):  # unpacks, then finds them unpacked
        raw = dataset("mnist", verify=True).load(tmp_path, download=False)
        assert raw.train_y.tolist() == arrays["train_y"].tolist()
    assert not list(folder.glob("*.[0-9]*"))


def test_an_unpacked_file_must_be_what_the_archive_holds(published_idx, tmp_path):
    folder, _ = published_idx
    dataset("mnist", verify=True).load(tmp_path, download=False)
    path = folder / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert one_line(dataset("mnist", verify=True), tmp_path).startswith(f"{path}: not what")


def test_an_unpacked_file_alone_cannot_be_verified(published_idx, tmp_path):
    folder, _ = published_idx
    dataset("mnist", verify=True).load(tmp_path, download=False)
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    message = one_line(dataset("mnist", verify=True), tmp_path)
    assert "train-labels-idx1-ubyte: cannot be verified without" in message


def test_an_old_cache_does_not_bypass_the_files(tmp_path):
    arrays = write_idx(tmp_path)
    processed = tmp_path / "MNIST" / "processed"
    processed.mkdir()
    for part in ("training.pt", "test.pt"):
        torch.save((torch.zeros(3, 28, 28), torch.zeros(3)), processed / part)
    assert len(dataset("mnist").load(tmp_path, download=False).train_y) == len(arrays["train_y"])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: content[:-5], "but its header"),
        (lambda content: content[:6], "but its header"),
        (lambda content: b"\0\0\x0b" + content[3:], "not an IDX file"),
        (lambda content: b"", "not an IDX file"),
    ],
)
def test_a_damaged_idx_file_is_named(tmp_path, damage, says):
    write_idx(tmp_path)
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    message = one_line(dataset("mnist"), tmp_path)
    assert message.startswith(f"{path}: ") and says in message


def test_a_truncated_archive_is_named_and_leaves_no_draft(tmp_path):
    write_idx(tmp_path, packed=True)
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:200])
    assert one_line(dataset("mnist"), tmp_path).startswith(f"{path}: ")
    assert not list(path.parent.glob("train-images-idx3-ubyte*[!z]"))


def test_an_archive_that_is_no_archive_is_named(tmp_path):
    write_idx(tmp_path, packed=True)
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.decompress(path.read_bytes()))
    assert one_line(dataset("mnist"), tmp_path).startswith(f"{path}: ")


def test_as_many_labels_as_images(tmp_path):
    write_idx(tmp_path, train=40)
    labels = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    labels.write_bytes(b"\0\0\x08\x01\0\0\0\x02\x01\x02")
    assert "40 training images and 2 labels" in one_line(dataset("mnist"), tmp_path)


def test_labels_are_of_known_classes(tmp_path):
    write_idx(tmp_path, test=2)
    labels = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    labels.write_bytes(b"\0\0\x08\x01\0\0\0\x02\x01\x0b")
    assert "a test label is not in 0..9" in one_line(dataset("mnist"), tmp_path)


def test_published_batches_are_accepted(published_batches, tmp_path):
    raw = dataset("cifar10", verify=True).load(tmp_path, download=False)
    assert len(raw.train_y) == 100


def test_a_damaged_batch_is_named(published_batches, tmp_path):
    path = published_batches[0] / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-1])
    assert one_line(dataset("cifar10", verify=True), tmp_path).startswith(f"{path}: damaged")
    assert one_line(dataset("cifar10"), tmp_path).startswith(f"{path}: not in the CIFAR10 format")


def test_the_published_archive_is_unpacked_without_a_network(
    published_batches, tmp_path, no_network
):
    folder, batches = published_batches
    for name in batches:
        (folder / name).unlink()
    raw = dataset("cifar10", verify=True).load(tmp_path, download=False)
    assert len(raw.test_y) == 20


def test_another_archive_is_not_unpacked(published_batches, tmp_path):
    folder, _ = published_batches
    (folder / "test_batch").unlink()
    archive = tmp_path / "cifar-10-python.tar.gz"
    archive.write_bytes(archive.read_bytes()[:-1])
    assert one_line(dataset("cifar10", verify=True), tmp_path).startswith(f"{archive}: damaged")


@pytest.fixture
def mirror(published_idx, published_batches, tmp_path, monkeypatch):
    """A folder that torchvision fetches from, with all archives; nothing is left in `tmp_path`."""
    away = tmp_path.with_name(f"{tmp_path.name}-mirror")
    away.mkdir()
    for archive in [*published_idx[0].glob("*.gz"), tmp_path / "cifar-10-python.tar.gz"]:
        archive.rename(away / archive.name)
    shutil.rmtree(published_batches[0])
    handler = functools.partial(Quiet, directory=str(away))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [url])
        monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", f"{url}cifar-10-python.tar.gz")
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield away
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *args):
        """See the base class."""


ARCHIVES = {"mnist": "t10k-images-idx3-ubyte.gz", "cifar10": "cifar-10-python.tar.gz"}


@pytest.mark.parametrize(("name", "archive"), ARCHIVES.items())
def test_a_download_that_broke_off_is_made_good_by_the_next(mirror, tmp_path, name, archive):
    whole = (mirror / archive).read_bytes()
    (mirror / archive).write_bytes(whole[:-9])
    assert "could not be fetched" in one_line(dataset(name, verify=True), tmp_path, download=True)
    (mirror / archive).write_bytes(whole)
    assert len(dataset(name, verify=True).load(tmp_path, download=True).test_y) == 20
    assert not list(tmp_path.glob(".*.download"))


@pytest.mark.parametrize(("name", "archive"), ARCHIVES.items())
def test_what_a_killed_download_left_is_no_obstacle(mirror, tmp_path, name, archive):
    reader = getattr(torchvision.datasets, {"mnist": "MNIST", "cifar10": "CIFAR10"}[name])
    draft = tmp_path / f".{reader.__name__}.download" / ("MNIST/raw" if name in IDX else "")
    draft.mkdir(parents=True)
    (draft / archive).mkdir()  # which could not be overwritten
    assert len(dataset(name, verify=True).load(tmp_path, download=True).test_y) == 20
    assert not list(tmp_path.glob(".*.download"))


def test_only_what_is_missing_is_fetched(mirror, tmp_path):
    dataset("mnist", verify=True).load(tmp_path, download=True)
    folder = tmp_path / "MNIST" / "raw"
    for path in mirror.glob("train*"):
        path.unlink()
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte"):
        (folder / name).unlink()
    kept = folder / "train-images-idx3-ubyte"
    before = kept.stat().st_ino
    dataset("mnist", verify=True).load(tmp_path, download=True)
    assert kept.stat().st_ino == before and (folder / "t10k-images-idx3-ubyte.gz").is_file()


def test_a_damaged_archive_does_not_keep_another_from_being_fetched(mirror, tmp_path):
    archive = tmp_path / ARCHIVES["cifar10"]
    archive.write_bytes(b"half")
    assert len(dataset("cifar10", verify=True).load(tmp_path, download=True).test_y) == 20
    assert archive.read_bytes() == b"half"  # nothing present is overwritten
