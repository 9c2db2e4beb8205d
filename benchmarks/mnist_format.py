"""The digits that ship with scikit-learn, as files in the format of MNIST.

    python benchmarks/mnist_format.py FOLDER

Images of 8x8 pixels are enlarged to 20x20 and put into a field of 28x28, each at most two pixels
off the middle, drawn once from a fixed seed. There is one image of each, so that no two parts of
the set share any: 1,442 to train and 355 to test. Read them with CONFIG_DATASET_SELECT_MNIST=y,
CONFIG_DATA_VERIFY=n and CONFIG_DATA_DIR=FOLDER. They are far easier than MNIST.
"""

from __future__ import annotations

import argparse
import gzip
import struct
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.datasets.digits import Digits

FIELD, INNER, OFF = 28, 20, 2  # pixels a side, and how far an image may be off the middle
BYTES = 8  # the code of unsigned bytes in the magic number


def write(data_dir: Path) -> None:
    """The four files, in `MNIST/raw`."""
    raw = Digits().load(data_dir, download=False)
    folder = data_dir / "MNIST" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    for name, x, y in (("train", raw.train_x, raw.train_y), ("t10k", raw.test_x, raw.test_y)):
        images = placed(enlarged(x), generator)
        for part, tensor in (("images", images), ("labels", y)):
            file = folder / f"{name}-{part}-idx{tensor.ndim}-ubyte.gz"
            file.write_bytes(gzip.compress(idx(tensor), mtime=0))


def enlarged(x: Tensor) -> Tensor:
    """(n, 1, 8, 8) in 0..1 -> (n, 20, 20) uint8."""
    larger = F.interpolate(x, size=INNER, mode="bilinear", align_corners=False)
    return (255 * larger.clamp(0, 1)).round().to(torch.uint8).squeeze(1)


def placed(images: Tensor, generator: torch.Generator) -> Tensor:
    """(n, 20, 20) -> (n, 28, 28), each somewhere near the middle."""
    field = images.new_zeros(len(images), FIELD, FIELD)
    corners = torch.randint(-OFF, OFF + 1, (len(images), 2), generator=generator)
    for image, whole, (down, right) in zip(images, field, corners.tolist(), strict=True):
        top, left = (FIELD - INNER) // 2 + down, (FIELD - INNER) // 2 + right
        whole[top : top + INNER, left : left + INNER] = image
    return field


def idx(tensor: Tensor) -> bytes:
    """A tensor as an IDX file of unsigned bytes: big-endian magic number and sizes, then those."""
    header = struct.pack(f">{1 + tensor.ndim}I", BYTES << 8 | tensor.ndim, *tensor.shape)
    return header + tensor.to(torch.uint8).contiguous().numpy().tobytes()


def main() -> None:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("folder", type=Path)
    args = made.parse_args()
    write(args.folder)
    print(f"wrote {args.folder / 'MNIST' / 'raw'}")


if __name__ == "__main__":
    main()
