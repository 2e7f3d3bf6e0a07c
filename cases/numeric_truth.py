"""What the oracles of the cases share: numeric gradients, and comparisons that leave scaling and orientation free."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.float64]]


def numgrad(f: Callable[[], float], a: NDArray[np.float64], eps: float = 1e-6) -> NDArray[np.float64]:
    """Differentiate the scalar `f()`, which reads `a`, by central differences; `a` is put back afterwards."""
    g = np.zeros(a.shape)
    for i in np.ndindex(*a.shape):
        keep = a[i]
        a[i] = keep + eps
        high = float(np.squeeze(f()))
        a[i] = keep - eps
        low = float(np.squeeze(f()))
        a[i] = keep
        g[i] = (high - low) / (2 * eps)
    return g


def proportional(g: object, num: NDArray[np.float64], what: str, tol: float = 2e-4) -> float:
    """Assert that `g` is a positive multiple of `num`, of the same shape up to axes of length 1; return the factor."""
    got = np.asarray(g, dtype=float)
    assert np.squeeze(got).shape == np.squeeze(num).shape, f"{what}: shape {got.shape}, wanted {num.shape}"
    got = got.reshape(num.shape)
    assert np.all(np.isfinite(got)), f"{what}: not finite"
    size = float((num * num).sum())
    assert size > 1e-20, f"{what}: the numeric gradient is zero and proves nothing"
    factor = float((got * num).sum()) / size
    assert factor > 0, f"{what}: points the wrong way (factor {factor:g})"
    off = np.abs(got - factor * num).max() / max(np.abs(factor * num).max(), 1e-12)
    assert off < tol, f"{what}: is not the numeric gradient (relative error {off:.3g})"
    return factor


def same_factor(factors: list[float]) -> None:
    """Assert that all parameters are scaled alike, so that no layer has lost or gained a 1/m."""
    assert max(factors) / min(factors) < 1.01, f"the parameters are scaled differently: {factors}"


def gradients_match(got: dict[str, object], params: Arrays, loss: Callable[[], float]) -> None:
    """Assert that every gradient in `got` is the same positive multiple of the numeric one for `params[name]`."""
    same_factor([proportional(g, numgrad(loss, params[k]), k) for k, g in got.items()])


def step_descends(
    read: Callable[[], dict[str, object]], step: Callable[[], object], loss: Callable[[Arrays], float]
) -> None:
    """Assert that `step()` moves every parameter against its numeric gradient, all by one rate, keeping its shape.

    Args:
        read: The present parameters by name, as the program holds them.
        step: One plain gradient step of the program on fixed data.
        loss: The loss of that data as a function of the parameters, written independently of the program.
    """
    before = {k: np.array(v, dtype=float) for k, v in read().items()}
    step()
    after = {k: np.array(v, dtype=float) for k, v in read().items()}
    for k, old in before.items():
        assert after[k].shape == old.shape, f"{k} went from {old.shape} to {after[k].shape}"
    moved: dict[str, object] = {k: before[k] - after[k] for k in before}
    gradients_match(moved, before, lambda: loss(before))


def fell(losses: object, ratio: float) -> None:
    """Assert that the recorded losses are finite and that the last is below `ratio` times the first."""
    values = [float(np.squeeze(v)) for v in losses]  # type: ignore[attr-defined]
    assert np.all(np.isfinite(values)), "the loss is not finite"
    assert values[-1] < ratio * values[0], f"the loss did not fall: {values[0]:g} -> {values[-1]:g}"


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-z))."""
    return 1.0 / (1.0 + np.exp(-z))


def log_softmax(z: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the logarithm of softmax along `axis`."""
    z = z - z.max(axis=axis, keepdims=True)
    result: NDArray[np.float64] = z - np.log(np.exp(z).sum(axis=axis, keepdims=True))
    return result
