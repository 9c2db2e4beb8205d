"""A few images in the real on-disk formats, written by hand and not by the library under test."""

import gzip
import hashlib
import pickle
import struct
from pathlib import Path

import numpy as np

IDX_NAMES = {
    "train_x": "train-images-idx3-ubyte",
    "train_y": "train-labels-idx1-ubyte",
    "test_x": "t10k-images-idx3-ubyte",
    "test_y": "t10k-labels-idx1-ubyte",
}


def idx_bytes(array):
    """An IDX file of unsigned bytes: big-endian magic number and sizes, then the bytes."""
    header = struct.pack(f">{1 + array.ndim}I", 0x0800 | array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def grey_images(samples, seed=0, pixels=28, classes=10):
    """Images (samples, pixels, pixels) and labels that go round the classes."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (samples, pixels, pixels), dtype=np.uint8)
    return x, np.arange(samples) % classes


def write_idx(data_dir, name="MNIST", train=40, test=20, packed=False):
    """The four files of an IDX data set; returns the arrays by part."""
    folder = Path(data_dir) / name / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    arrays = dict(zip(("train_x", "train_y"), grey_images(train), strict=True))
    arrays |= dict(zip(("test_x", "test_y"), grey_images(test, seed=1), strict=True))
    for part, file in IDX_NAMES.items():
        content = idx_bytes(arrays[part])
        if packed:
            (folder / f"{file}.gz").write_bytes(gzip.compress(content, mtime=0))
        else:
            (folder / file).write_bytes(content)
    return arrays


def colour_batch(samples, classes, key, seed):
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 256, (samples, 3072), dtype=np.uint8)
    labels = [int(label) for label in np.arange(samples) % classes]
    return {"data": data, key: labels, "batch_label": "small", "filenames": [""] * samples}


def write_batches(data_dir, classes=10, samples=20, test=20):
    """The files of CIFAR-10 (`classes` 10) or CIFAR-100 (100); returns the batches by name."""
    folder = Path(data_dir) / ("cifar-10-batches-py" if classes == 10 else "cifar-100-python")
    folder.mkdir(parents=True, exist_ok=True)
    many, key = (range(1, 6), "labels") if classes == 10 else ((), "fine_labels")
    train_names = [f"data_batch_{number}" for number in many] or ["train"]
    test_name, meta_name = ("test_batch", "batches.meta") if classes == 10 else ("test", "meta")
    batches = {
        name: colour_batch(samples, classes, key, seed) for seed, name in enumerate(train_names)
    }
    batches[test_name] = colour_batch(test, classes, key, seed=99)
    meta_key = "label_names" if classes == 10 else "fine_label_names"
    batches[meta_name] = {meta_key: [f"class {number}" for number in range(classes)]}
    for name, content in batches.items():
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    return batches


def md5(path):
    return hashlib.md5(Path(path).read_bytes()).hexdigest()
