"""One wrong network and what each checker says of it: `python tests/benchmarks/gradcheck_one_wrong_network.py`.

A 4-3-1 network whose hidden layer is tanh and whose backward pass uses the sigmoid's slope, `a * (1 - a)`.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from shapecheck import gradcheck

NAMES = ("W1", "b1", "W2", "b2")


class Net:
    """The wrong network."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.W1, self.b1 = rng.normal(size=(4, 3)), rng.normal(size=(1, 3))
        self.W2, self.b2 = rng.normal(size=(3, 1)), rng.normal(size=(1, 1))
        self.X, self.y = rng.normal(size=(10, 4)), rng.normal(size=(10, 1))

    def loss(self) -> float:
        """Half the mean squared error."""
        self.a1 = np.tanh(self.X @ self.W1 + self.b1)
        self.out = self.a1 @ self.W2 + self.b2
        return 0.5 * np.mean((self.out - self.y) ** 2)

    def backward(self) -> dict[str, np.ndarray]:
        """With the slope of a sigmoid where the hidden layer is tanh."""
        d2 = (self.out - self.y) / len(self.X)
        self.da1 = d2 @ self.W2.T
        d1 = self.da1 * self.a1 * (1 - self.a1)
        return {
            "W1": self.X.T @ d1,
            "b1": d1.sum(axis=0, keepdims=True),
            "W2": self.a1.T @ d2,
            "b2": d2.sum(axis=0, keepdims=True),
        }


def params(net: Net) -> dict[str, np.ndarray]:
    """By name."""
    return {n: getattr(net, n) for n in NAMES}


def ours(net: Net) -> str:
    """The report."""
    return str(gradcheck(net.loss, params(net), net.backward, seed=1))


def scipys(net: Net) -> str:
    """A number."""
    from scipy.optimize import check_grad

    net.loss()
    flat = np.concatenate([g.ravel() for g in net.backward().values()])
    theta = np.concatenate([p.ravel() for p in params(net).values()])
    parts = np.cumsum([p.size for p in params(net).values()])[:-1]

    def loss(t: np.ndarray) -> float:
        for n, part in zip(NAMES, np.split(t, parts), strict=True):
            getattr(net, n)[...] = part.reshape(getattr(net, n).shape)
        return net.loss()

    value = check_grad(loss, lambda t: flat, theta)
    loss(theta)
    return repr(float(value))


def torchs(net: Net) -> str:
    """The error, to where its matrices begin to repeat."""
    import torch

    net.loss()
    given = [torch.from_numpy(g) for g in net.backward().values()]
    X, y = torch.from_numpy(net.X), torch.from_numpy(net.y)

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *p: Any) -> Any:
            return 0.5 * torch.mean((torch.tanh(X @ p[0] + p[1]) @ p[2] + p[3] - y) ** 2)

        @staticmethod
        def backward(ctx: Any, d: Any) -> Any:
            return tuple(d * g for g in given)

    torch.autograd.gradcheck(Loss.apply, [torch.from_numpy(p.copy()).requires_grad_() for p in params(net).values()])
    return "nothing"


def jaxs(net: Net) -> str:
    """The error."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    from jax.test_util import check_grads

    net.loss()
    given = tuple(jnp.asarray(g) for g in net.backward().values())

    def value(*p: Any) -> Any:
        return 0.5 * jnp.mean((jnp.tanh(net.X @ p[0] + p[1]) @ p[2] + p[3] - net.y) ** 2)

    loss = jax.custom_vjp(value)
    loss.defvjp(lambda *q: (value(*q), None), lambda _, d: tuple(d * x for x in given))
    check_grads(loss, tuple(jnp.asarray(p) for p in params(net).values()), order=1, modes=["rev"])
    return "nothing"


def autograds(net: Net) -> str:
    """The error."""
    import autograd.numpy as anp
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    net.loss()
    given = net.backward()
    loss = primitive(
        lambda *p: 0.5 * anp.mean((anp.dot(anp.tanh(anp.dot(net.X, p[0]) + p[1]), p[2]) + p[3] - net.y) ** 2)
    )
    defvjp(loss, *[lambda ans, *q, n=n: lambda d: d * given[n] for n in NAMES], argnums=range(4))
    check_grads(loss, modes=["rev"], order=1)(*params(net).values())
    return "nothing"


def said(check: Callable[[Net], str]) -> str:
    """What a checker prints, returns or raises."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            return check(Net())
        except ImportError as error:
            return f"(not installed: {error.name})"
        except Exception as error:
            return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    for check in (ours, scipys, torchs, jaxs, autograds):
        text = said(check)
        shown = text if check is ours else text[:700]
        print(f"### {check.__name__}\n\n```text\n{shown}\n```\n")
