"""What other gradient checkers cost and see: `python tests/benchmarks/gradcheck_peers.py [samples] [mistakes]`.

Runs those of scipy, torch, jax, autograd and numdifftools that are installed, on 784-196-1 (sigmoid, cross-entropy), at
their defaults, beside shapecheck in the same run. Costs are ratios to one backward plus two forward passes of the same
network in the same library. Checks that would take longer than a minute are timed on a part and marked with ~.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from gradcheck_cost import Net, timed

from shapecheck import gradcheck

NAMES = ("W1", "b1", "W2", "b2")
Grads = dict[str, np.ndarray]
Check = Callable[[Grads], bool]  # whether the peer accepts these gradients


def shapecheck_check(net: Net) -> tuple[Check, float]:
    """One direction per parameter."""
    unit = timed(net.grads) + 2 * timed(net.loss)
    return lambda g: gradcheck(net.loss, net.params, g).ok, unit


def scipy_check(net: Net, direction: str) -> tuple[Check, float]:
    """scipy.optimize.check_grad on the unrolled parameters; it returns a number, judged by the 1e-6 of its manual."""
    from scipy.optimize import check_grad

    theta = np.concatenate([net.params[n].ravel() for n in NAMES])
    parts = np.cumsum([net.params[n].size for n in NAMES])[:-1]

    def loss(t: np.ndarray) -> float:
        for n, part in zip(NAMES, np.split(t, parts), strict=True):
            net.params[n][...] = part.reshape(net.params[n].shape)
        return net.loss()

    def check(g: Grads) -> bool:
        flat = np.concatenate([g[n].ravel() for n in NAMES])
        error = check_grad(loss, lambda t: flat, theta, direction=direction, seed=0)
        loss(theta)
        return bool(error < 1e-6)

    return check, timed(net.grads) + 2 * timed(net.loss)


def cs231n_check(net: Net) -> tuple[Check, float]:
    """The course's recipe: ten random entries of each, central differences of 1e-5, relative error below 1e-5."""

    def check(g: Grads) -> bool:
        rng = np.random.default_rng(0)
        for n in NAMES:
            p = net.params[n]
            for _ in range(10):
                i = tuple(int(rng.integers(k)) for k in p.shape)
                kept = p[i]
                p[i] = kept + 1e-5
                after = net.loss()
                p[i] = kept - 1e-5
                before = net.loss()
                p[i] = kept
                numeric = (after - before) / 2e-5
                if abs(numeric - g[n][i]) > 1e-5 * (abs(numeric) + abs(g[n][i])):
                    return False
        return True

    return check, timed(net.grads) + 2 * timed(net.loss)


def torch_check(net: Net, *, fast: bool) -> tuple[Check, float]:
    """torch.autograd.gradcheck around a Function whose backward returns the given gradients."""
    import torch

    X, Y = torch.from_numpy(net.X), torch.from_numpy(net.Y)
    held: dict[str, Any] = {}

    def forward(*p: Any) -> Any:
        A = torch.sigmoid(torch.sigmoid(X @ p[0] + p[1]) @ p[2] + p[3])
        return -torch.mean(Y * torch.log(A) + (1 - Y) * torch.log(1 - A))

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *p: Any) -> Any:
            return forward(*p)

        @staticmethod
        def backward(ctx: Any, d: Any) -> Any:
            return tuple(d * held[n] for n in NAMES)

    p = [torch.from_numpy(net.params[n].copy()).requires_grad_() for n in NAMES]

    def both() -> None:
        torch.autograd.grad(forward(*p), p)

    def value() -> None:
        with torch.no_grad():
            forward(*p)

    def check(g: Grads) -> bool:
        held.update({n: torch.from_numpy(g[n]) for n in NAMES})
        return bool(torch.autograd.gradcheck(Loss.apply, p, fast_mode=fast, raise_exception=False))

    return check, timed(both) + timed(value)  # `both` holds one forward and the backward pass


def _torch_forward_seconds(net: Net) -> float:
    import torch

    X, p = torch.from_numpy(net.X), [torch.from_numpy(net.params[n]) for n in NAMES]
    return timed(lambda: torch.sigmoid(torch.sigmoid(X @ p[0] + p[1]) @ p[2] + p[3]))


def jax_check(net: Net) -> tuple[Check, float]:
    """jax.test_util.check_grads of order 1, reverse mode, around a custom_vjp."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    from jax.test_util import check_grads

    X, Y = jnp.asarray(net.X), jnp.asarray(net.Y)

    @jax.jit
    def value(*p: Any) -> Any:
        A = jax.nn.sigmoid(jax.nn.sigmoid(X @ p[0] + p[1]) @ p[2] + p[3])
        return -jnp.mean(Y * jnp.log(A) + (1 - Y) * jnp.log(1 - A))

    p = tuple(jnp.asarray(net.params[n]) for n in NAMES)
    both = jax.jit(jax.value_and_grad(value, argnums=(0, 1, 2, 3)))
    jax.block_until_ready(both(*p))

    def check(g: Grads) -> bool:
        given = tuple(jnp.asarray(g[n]) for n in NAMES)
        loss = jax.custom_vjp(value)
        loss.defvjp(lambda *q: (value(*q), None), lambda _, d: tuple(d * x for x in given))
        try:
            check_grads(loss, p, order=1, modes=["rev"])
        except AssertionError:
            return False
        return True

    unit = timed(lambda: jax.block_until_ready(both(*p))) + timed(lambda: jax.block_until_ready(value(*p)))
    return check, unit


def autograd_check(net: Net) -> tuple[Check, float]:
    """autograd.test_util.check_grads of order 1, reverse mode, around a primitive."""
    import autograd.numpy as anp
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    def value(*p: Any) -> Any:
        sigmoid = lambda z: 1 / (1 + anp.exp(-z))
        A = sigmoid(anp.dot(sigmoid(anp.dot(net.X, p[0]) + p[1]), p[2]) + p[3])
        return -anp.mean(net.Y * anp.log(A) + (1 - net.Y) * anp.log(1 - A))

    p = tuple(net.params[n] for n in NAMES)

    def check(g: Grads) -> bool:
        loss = primitive(value)
        defvjp(loss, *[lambda ans, *q, n=n: lambda d: d * g[n] for n in NAMES], argnums=range(4))
        try:
            check_grads(loss, modes=["rev"], order=1)(*p)
        except AssertionError:
            return False
        return True

    return check, timed(net.grads) + 2 * timed(net.loss)


def numdifftools_seconds(net: Net) -> tuple[float, float]:
    """numdifftools.Gradient over b2 only, and what that makes for all entries."""
    import numdifftools

    def loss(b: np.ndarray) -> float:
        kept = net.params["b2"].copy()
        net.params["b2"][...] = b
        value = net.loss()
        net.params["b2"][...] = kept
        return value

    seconds = timed(lambda: numdifftools.Gradient(loss)(net.params["b2"].ravel()), 1)
    return seconds * sum(x.size for x in net.params.values()), timed(net.grads) + 2 * timed(net.loss)


def peers(net: Net) -> Iterator[tuple[str, Callable[[], tuple[Check, float]]]]:
    """Name and maker of each."""
    yield "shapecheck, four directions", lambda: shapecheck_check(net)
    yield (
        "shapecheck, one direction",
        lambda: (
            lambda g: gradcheck(net.loss, net.params, g, mode="joint").ok,
            shapecheck_check(net)[1],
        ),
    )
    yield "scipy check_grad, random", lambda: scipy_check(net, "random")
    yield "CS231n recipe, 40 entries", lambda: cs231n_check(net)
    yield "torch gradcheck, fast", lambda: torch_check(net, fast=True)
    yield "jax check_grads", lambda: jax_check(net)
    yield "autograd check_grads", lambda: autograd_check(net)


def quiet(check: Check, g: Grads) -> bool | str:
    """The verdict, without what peers print and warn on the way."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            return check(g)
        except Exception as error:
            return type(error).__name__


def main(samples: int = 11272, mistakes: int = 200) -> None:
    """Costs with all samples, mistakes with 100 (no peer uses the samples in its judgement)."""
    net = Net(samples)
    net.loss()
    right = net.grads()
    small = Net(100)
    small.loss()
    small_right = small.grads()
    print(f"| checker | ratio, {samples} samples | accepts what is right | 1 % in one entry seen, of {mistakes} |")
    print("| --- | ---: | --- | ---: |")
    makers = dict(peers(small))
    for name, make in peers(net):
        try:
            check, unit = make()
        except ImportError as error:
            print(f"| {name} | not installed ({error.name}) | | |")
            continue
        verdict = quiet(check, right)
        seconds = timed(lambda check=check: quiet(check, right), 3)
        small_check, _ = makers[name]()
        seen = 0
        rng = np.random.default_rng(1)
        for _ in range(mistakes):
            n = str(rng.choice(NAMES))
            wrong = {k: v.copy() for k, v in small_right.items()}
            wrong[n][tuple(int(rng.integers(k)) for k in wrong[n].shape)] *= 1.01
            seen += quiet(small_check, wrong) is False
        accepts = {True: "yes", False: "no"}.get(verdict, verdict)  # type: ignore[call-overload]
        print(f"| {name} | {seconds / unit:.1f} | {accepts} | {seen} |", flush=True)
    _entrywise(net)


def _entrywise(net: Net) -> None:
    entries = sum(x.size for x in net.params.values())
    unit = timed(net.grads) + 2 * timed(net.loss)
    print(f"| scipy check_grad, all | ~{entries * timed(net.loss) / unit:.0f} | | |")
    with contextlib.suppress(ImportError):
        _, own = torch_check(net, fast=False)
        forward = _torch_forward_seconds(net)
        print(f"| torch gradcheck, slow | ~{2 * entries * forward / own:.0f} (two evaluations per entry) | | |")
    with contextlib.suppress(ImportError):
        seconds, unit = numdifftools_seconds(net)
        print(f"| numdifftools Gradient | ~{seconds / unit:.0f} | | |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
