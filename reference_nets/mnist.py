"""MNIST's IDX files: a magic number that says what is inside, the sizes, then the bytes; gzipped or plain.

Source:
    The format as described with the data set by LeCun, Cortes and Burges: magic 0x00000803 for images, 0x00000801 for
    labels, sizes as big-endian 32-bit integers.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from reference_nets.annotations import Array, UInt8, checked

IMAGES, LABELS = 0x803, 0x801
_KINDS = {IMAGES: "images", LABELS: "labels"}
_GZIP = b"\x1f\x8b"


@checked
def read_idx(path: Path, magic: int) -> UInt8[Array, "..."]:
    """Read one IDX file into an array of bytes, of the shape its header states.

    Args:
        path: A file, gzipped or not; its first bytes tell, not its name.
        magic: What the file must hold, `IMAGES` or `LABELS`.

    Returns:
        uint8; (count, rows, columns) for images, (count,) for labels.

    Raises:
        ValueError: The file is truncated, damaged, too long, or holds something else.
    """
    data = path.read_bytes()
    if data[:2] == _GZIP:
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path}: the gzip data is damaged or cut short ({error}); fetch it again") from error
    found = int.from_bytes(data[:4], "big")
    if len(data) < 4 or found != magic:
        what = _KINDS.get(found, "no IDX file of bytes" if len(data) >= 4 else "nearly nothing")
        raise ValueError(f"{path} holds {what}, and {_KINDS[magic]} are wanted (magic number {magic:#010x})")
    dimensions = magic & 0xFF
    start = 4 + 4 * dimensions
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    wanted, got = start + math.prod(shape), len(data)
    if len(data) < start or got != wanted:
        state = "is cut short" if got < wanted else "goes on after its end"
        raise ValueError(f"{path} {state}: its header says {shape}, {wanted} bytes in all, and it has {got}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


@checked
def read_mnist(
    folder: Path,
) -> tuple[
    UInt8[Array, "train rows columns"], UInt8[Array, "train"], UInt8[Array, "test rows columns"], UInt8[Array, "test"]
]:
    """(train images, train labels, test images, test labels) from the four files in `folder`.

    Args:
        folder: Holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
            t10k-labels-idx1-ubyte, each with or without .gz; a dot before `idx` is accepted too.

    Raises:
        FileNotFoundError: One of the four is missing; the message says which.
        ValueError: A file is damaged, or images and labels differ in number.
    """
    images, labels = read_idx(_find(folder, "train-images", "idx3"), IMAGES), _labels(folder, "train")
    test_images, test_labels = read_idx(_find(folder, "t10k-images", "idx3"), IMAGES), _labels(folder, "t10k")
    for part, pictures, digits in (("train", images, labels), ("t10k", test_images, test_labels)):
        if len(pictures) != len(digits):
            raise ValueError(f"{folder}: {part} has {len(pictures)} images and {len(digits)} labels")
    return images, labels, test_images, test_labels


def _labels(folder: Path, part: str) -> UInt8[Array, "..."]:
    return read_idx(_find(folder, f"{part}-labels", "idx1"), LABELS)


def _find(folder: Path, stem: str, kind: str) -> Path:
    names = [f"{stem}{dot}{kind}-ubyte{end}" for dot in "-." for end in ("", ".gz")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{folder} has no {names[0]} (nor {', '.join(names[1:])})")
