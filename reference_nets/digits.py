"""Pictures of digits, as rows between 0 and 1: MNIST from a folder, or the small ones that come with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reference_nets.annotations import Array, Float, Int, checked
from reference_nets.mnist import read_mnist
from shapecheck.signatures import signature


@signature
@dataclass(frozen=True)
class Digits:
    """Images, one row each, and their digits; train and test do not overlap."""

    X_train: Float[Array, "train pixels"]
    y_train: Int[Array, "train"]
    X_test: Float[Array, "test pixels"]
    y_test: Int[Array, "test"]

    def only(self, *digits: int) -> Digits:
        """The images of these digits alone, in the same order."""
        train, test = np.isin(self.y_train, digits), np.isin(self.y_test, digits)
        return Digits(self.X_train[train], self.y_train[train], self.X_test[test], self.y_test[test])


def load_digits(folder: str | Path | None = None, *, seed: int = 0) -> Digits:
    """Read MNIST from `folder`, or, without one, scikit-learn's 1,797 images of 8 by 8.

    Args:
        folder: Holds MNIST's four IDX files, gzipped or plain; None for the small digits.
        seed: Of the split of the small digits, four fifths to train on; MNIST comes split.

    Raises:
        FileNotFoundError: A file of MNIST is not in the folder.
        ModuleNotFoundError: No folder is given, and scikit-learn is not installed.
        ValueError: A file is truncated or holds something else.
    """
    if folder is not None:
        X_train, y_train, X_test, y_test = read_mnist(Path(folder))
        rows, test_rows = X_train.reshape(len(X_train), -1) / 255.0, X_test.reshape(len(X_test), -1) / 255.0
        return Digits(rows, y_train.astype(int), test_rows, y_test.astype(int))
    try:
        from sklearn import datasets  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "no folder with MNIST was given, and the small digits need scikit-learn: "
            'pip install "shapecheck[test]", or name the folder'
        ) from error
    X, y = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X))
    X, y, cut = X[order] / 16.0, y[order], len(X) * 4 // 5
    return Digits(X[:cut], y[:cut], X[cut:], y[cut:])


@checked
def one_hot(y: Int[Array, "samples"], classes: int) -> Float[Array, "samples {classes}"]:
    """One row per label: zeros, and a 1 at the label."""
    rows = np.zeros((len(y), classes))
    rows[np.arange(len(y)), y] = 1.0
    return rows
