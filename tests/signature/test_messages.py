"""What a refused call says, word for word, and what the error carries."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import jaxtyping
import numpy as np
import pytest
from jaxtyping import Float, Int

from shapecheck import SignatureError, signature

Array = np.ndarray


@signature
def layer(
    W: Float[Array, "out in"], b: Float[Array, "out 1"], A_prev: Float[Array, "in batch"], rate: float = 1
) -> Float[Array, "out batch"]:
    Z = W @ A_prev + b
    return Z if rate == 1 else Z.T


@signature(locals=True)
def backward(dA: Float[Array, "out batch"], A: Float[Array, "out batch"]) -> Float[Array, "out 1"]:
    slope: Float[Array, "out batch"] = A * (1 - A)
    dZ: Float[Array, "out batch"] = dA * slope
    db: Float[Array, "out 1"] = dZ.sum(axis=1)
    return db


@signature
def deep(weights: list[Float[Array, "_ _"]], pair: tuple[Float[Array, "a b"], Int[Array, "b"]] | None = None) -> None:
    pass


@signature
def stacked(
    X: Float[Array, "batch inputs"], W: Float[Array, "inputs+1 out"], targets: Float[Array, "*shape 1"]
) -> None:
    pass


@signature
def named(params: dict[str, Float[Array, "rows=3 _"]], *rest: Float[Array, "n"], sizes: list[int]) -> None:
    pass


@signature
def elementwise(dA: Float[Array, "*shape"], Z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return dA * Z


@signature
def two(
    X: Float[Array, "m n"], kind: Literal["mean", "sum"], fn: Callable[..., object]
) -> tuple[Float[Array, "m"], float]:
    return fn(X)


@signature
def either(W: Float[Array, "n m"], x: Float[Array, "n k"] | Float[Array, "n"]) -> None:
    pass


W, b, A_prev = np.ones((5, 3)), np.ones((5, 1)), np.ones((3, 7))

REFUSED = {
    "a-transposed-argument": lambda: layer(W, b, A_prev.T),
    "a-vector-for-a-column": lambda: layer(W, b[:, 0], A_prev),
    "a-transposed-result": lambda: layer(W, b, A_prev, 2),
    "a-local-that-lost-an-axis": lambda: backward(np.ones((5, 7)), np.ones((5, 7))),
    "integers-for-floats": lambda: layer(W, b, A_prev.astype(int)),
    "a-list-for-an-array": lambda: layer([[1, 2, 3]], b, A_prev),
    "text-for-a-number": lambda: layer(W, b, A_prev, rate="fast"),
    "an-array-with-three-axes": lambda: layer(W[None], b, A_prev),
    "a-vector-in-a-list": lambda: deep([W, W.T, b[:, 0]]),
    "the-second-of-a-pair": lambda: deep([], (W, np.arange(5))),
    "a-sum-of-axes": lambda: stacked(np.ones((4, 3)), np.ones((3, 2)), np.ones((2, 1))),
    "too-few-axes-for-a-run": lambda: stacked(np.ones((4, 3)), np.ones((4, 2)), np.array(1.0)),
    "the-end-of-a-run-of-axes": lambda: stacked(np.ones((4, 3)), np.ones((4, 2)), np.ones((2, 4, 2))),
    "the-second-result": lambda: two(W, "sum", lambda X: (X[:, 0], "7")),
    "the-first-result-of-two": lambda: two(W, "sum", lambda X: (X[0], 7.0)),
    "one-result-for-two": lambda: two(W, "sum", lambda X: X[:, 0]),
    "a-word-that-is-none-of-those": lambda: two(W, "median", lambda X: (X[:, 0], 7.0)),
    "one-of-two-allowed": lambda: either(W, A_prev),
    "a-run-of-other-axes": lambda: elementwise(np.ones((5, 1)), np.ones(5)),
    "a-fixed-size-in-a-dictionary": lambda: named({"W1": np.ones((3, 2)), "W2": np.ones((2, 3))}, sizes=[]),
    "one-of-the-starred": lambda: named({}, np.ones(3), np.ones(4), sizes=[]),
    "a-list-of-other-things": lambda: named({}, sizes=["5"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_message(name, golden):
    with pytest.raises(SignatureError) as caught:
        REFUSED[name]()
    golden(f"{name}.txt", re.sub(r"at {9}.*test_messages\.py:\d+", "at         net.py:1", str(caught.value)) + "\n")


def test_the_place_is_that_of_the_call_and_of_the_local():
    with pytest.raises(SignatureError) as caught:
        layer(W, b, A_prev.T)
    line = caught.traceback[0].lineno + 1
    assert caught.value.refusal.location == f"{__file__}:{line}"
    with pytest.raises(SignatureError) as caught:
        backward(np.ones((5, 7)), np.ones((5, 7)))
    text = Path(__file__).read_text().splitlines()
    assert "db: Float" in text[int(caught.value.refusal.location.rpartition(":")[2]) - 1]


def test_evidence_is_data():
    with pytest.raises(SignatureError) as caught:
        layer(W, b, A_prev.T)
    refusal = caught.value.refusal
    assert (refusal.function, refusal.shape) == ("layer", (7, 3))
    assert [(x.axis, x.size, x.source, x.position) for x in refusal.bindings] == [("out", 5, "W", 0), ("in", 3, "W", 1)]


def test_jaxtypings_own_error_is_the_cause():
    with pytest.raises(SignatureError) as caught:
        layer(W, b, A_prev.T)
    assert isinstance(caught.value.__cause__, jaxtyping.TypeCheckError)
    assert "A_prev" in str(caught.value.__cause__)
    assert isinstance(caught.value, TypeError)


def test_survives_pickling():
    with pytest.raises(SignatureError) as caught:
        layer(W, b, A_prev.T)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.refusal) == (str(caught.value), caught.value.refusal)


def test_named_help_is_true():
    """What the help line proposes is accepted."""
    with pytest.raises(SignatureError, match=r"`A_prev\.T` is \(3, 7\) and fits"):
        layer(W, b, A_prev.T)
    layer(W, b, A_prev.T.T)
    with pytest.raises(SignatureError) as caught:
        layer(W, b, np.ones((4, 7)))
    assert caught.value.refusal.help is None, "no transpose or reshape of it fits"
