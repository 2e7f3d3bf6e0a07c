"""MNIST's files: right ones in all dresses, and the message for each way of being wrong."""

import gzip
import struct

import numpy as np
import pytest

from reference_nets.digits import load_digits, one_hot
from reference_nets.mnist import IMAGES, LABELS, read_idx, read_mnist

draw = np.random.default_rng(5)
PICTURES = {
    "train": draw.integers(0, 256, (7, 4, 3), dtype=np.uint8),
    "t10k": draw.integers(0, 256, (5, 4, 3), np.uint8),
}
ANSWERS = {"train": np.array([5, 8, 0, 5, 8, 1, 9], np.uint8), "t10k": np.array([8, 5, 5, 2, 3], np.uint8)}


def idx(array, magic):
    return struct.pack(f">{array.ndim + 1}I", magic, *array.shape) + array.tobytes()


def fill(folder, dot="-", zipped=False):
    for part in ("train", "t10k"):
        for stem, kind, array, magic in (
            ("images", "idx3", PICTURES[part], IMAGES),
            ("labels", "idx1", ANSWERS[part], LABELS),
        ):
            data = idx(array, magic)
            path = folder / f"{part}-{stem}{dot}{kind}-ubyte{'.gz' if zipped else ''}"
            path.write_bytes(gzip.compress(data) if zipped else data)


@pytest.mark.parametrize(("dot", "zipped"), [("-", False), ("-", True), (".", False), (".", True)])
def test_reads_plain_and_gzipped_files(tmp_path, dot, zipped):
    fill(tmp_path, dot, zipped)
    X, y, X_test, y_test = read_mnist(tmp_path)
    for got, wanted in zip((X, X_test, y, y_test), [*PICTURES.values(), *ANSWERS.values()], strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_gzip_is_told_by_content_not_by_name(tmp_path):
    fill(tmp_path)
    path = tmp_path / "train-labels-idx1-ubyte"
    path.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(read_idx(path, LABELS), ANSWERS["train"])


RIGHT = idx(ANSWERS["train"], LABELS)
WRONG = {
    "empty": (b"", "holds nearly nothing, and labels are wanted"),
    "header cut": (RIGHT[:6], "is cut short"),
    "data cut": (RIGHT[:-2], r"is cut short: its header says \(7,\), 15 bytes in all, and it has 13"),
    "too long": (RIGHT + b"x", "goes on after its end.*15 bytes in all, and it has 16"),
    "images": (idx(PICTURES["train"], IMAGES), "holds images, and labels are wanted"),
    "something else": (b"<html><body>", "holds no IDX file of bytes, and labels are wanted"),
    "gzip cut": (gzip.compress(RIGHT)[:-6], "the gzip data is damaged or cut short"),
    "gzip damaged": (gzip.compress(RIGHT)[:12] + b"zzzz" + gzip.compress(RIGHT)[16:], "the gzip data is damaged"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_said_to_be_wrong(name, tmp_path):
    data, words = WRONG[name]
    path = tmp_path / "train-labels-idx1-ubyte"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=words) as caught:
        read_idx(path, LABELS)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    fill(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no t10k-images-idx3-ubyte \(nor .*\.gz"):
        read_mnist(tmp_path)


def test_images_and_labels_must_be_as_many(tmp_path):
    fill(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(ANSWERS["t10k"], LABELS))
    with pytest.raises(ValueError, match="train has 7 images and 5 labels"):
        read_mnist(tmp_path)


def test_digits_from_a_folder(tmp_path):
    fill(tmp_path)
    both = load_digits(tmp_path).only(5, 8)
    assert (both.X_train.shape, both.X_test.shape, both.y_train.tolist()) == ((4, 12), (3, 12), [5, 8, 5, 8])
    np.testing.assert_allclose(both.X_train[0], PICTURES["train"][0].ravel() / 255)


def test_digits_of_scikit_learn():
    pytest.importorskip("sklearn")
    data, same = load_digits(seed=3), load_digits(seed=3)
    assert data.X_train.shape[1] == data.X_test.shape[1] == 64
    assert len(data.X_train) + len(data.X_test) == 1797
    assert 0 <= data.X_train.min() < data.X_train.max() == 1
    np.testing.assert_array_equal(data.X_train, same.X_train)
    assert not np.array_equal(data.y_train, load_digits(seed=4).y_train)


def test_one_hot():
    np.testing.assert_array_equal(one_hot(np.array([2, 0]), 3), [[0, 0, 1], [1, 0, 0]])
