"""Random networks with right, hand-written gradients, for the benchmarks of the gradient checker.

They are written the way people write them: state on `self`, a loss that runs forward again, a backward pass that reads
what forward cached.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

ACTIVATIONS = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z, a: a * (1 - a)),
    "tanh": (np.tanh, lambda z, a: 1 - a**2),
    "relu": (lambda z: np.maximum(0, z), lambda z, a: (z > 0).astype(z.dtype)),
    "relu, slope 1 at 0": (lambda z: z * (z > 0), lambda z, a: (z >= 0).astype(z.dtype)),
    "leaky": (lambda z: np.where(z > 0, z, z * 0.1), lambda z, a: np.where(z > 0, 1.0, 0.1).astype(z.dtype)),
    "softplus": (lambda z: np.log(1 + np.exp(z)), lambda z, a: 1 / (1 + np.exp(-z))),
}


@dataclass
class Network:
    """A random network; `params` are the very arrays that `loss` reads."""

    params: dict[str, np.ndarray]
    X: np.ndarray
    Y: np.ndarray
    activations: list[str]
    loss_name: str
    scale: float = 1.0
    decay: float = 0.0
    norm: bool = False
    convolution: bool = False
    keep: float = 1.0
    random: Any = None
    tags: set[str] = field(default_factory=set)

    def forward(self) -> np.ndarray:
        p, a, self.cache = self.params, self.X, []
        if self.convolution:
            width = p["K"].shape[0]
            self.windows = np.lib.stride_tricks.sliding_window_view(self.X, width, axis=1)
            a = self.windows @ p["K"]
            self.z0 = a
            a = np.maximum(0, a) if self.activations[0].startswith("relu") else np.tanh(a)
        self.first = a
        for i, name in enumerate(self.activations, 1):
            z = a @ p[f"W{i}"]
            z = z + p[f"b{i}"] if f"b{i}" in p else z
            normed = None
            if self.norm and i == 1:
                mu, var = z.mean(axis=0), z.var(axis=0)
                std = np.sqrt(var + 1e-5)
                hat = (z - mu) / std
                normed = (hat, std)
                z = p["gamma"] * hat + p["beta"]
            out = ACTIVATIONS[name][0](z)
            mask = None
            if self.keep < 1:
                mask = (
                    self.random.random_sample(out.shape)
                    if hasattr(self.random, "random_sample")
                    else self.random.random(out.shape)
                ) < self.keep
                mask = mask.astype(z.dtype) / z.dtype.type(self.keep)
                out = out * mask
            self.cache.append((a, z, out, normed, mask))
            a = out
        last = len(self.activations) + 1
        self.last_in = a
        return a @ p[f"W{last}"] + p[f"b{last}"]

    def loss(self) -> float:
        z, Y = self.forward(), self.Y
        name = self.loss_name
        if name.startswith("squares"):
            total = 0.5 * np.sum((z - Y) ** 2)
        elif name == "softmax":
            e = np.exp(z - z.max(axis=1, keepdims=True))
            self.out = e / e.sum(axis=1, keepdims=True)
            total = -np.sum(Y * np.log(self.out))
        else:
            self.out = A = 1 / (1 + np.exp(-z))
            if name == "log-loss, clipped":
                A = np.clip(A, 1e-7, 1 - 1e-7)
                total = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
            elif name == "log-loss, guarded":
                total = -np.sum(Y * np.log(A + 1e-8) + (1 - Y) * np.log(1 - A + 1e-8))
            else:
                total = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
        if name.startswith("squares"):
            self.out = z
        loss = total * self.scale
        for key, value in self.params.items():
            if self.decay and key.startswith("W"):
                loss = loss + 0.5 * self.decay * np.sum(value**2)
        return loss

    def grads(self) -> dict[str, np.ndarray]:
        p, g = self.params, {}
        d = (self.out - self.Y) * self.scale
        last = len(self.activations) + 1
        g[f"W{last}"], g[f"b{last}"] = self.last_in.T @ d, d.sum(axis=0)
        d = d @ p[f"W{last}"].T
        for i in range(len(self.activations), 0, -1):
            a, z, out, normed, mask = self.cache[i - 1]
            if mask is not None:
                d = d * mask
                out = ACTIVATIONS[self.activations[i - 1]][0](z)
            d = d * ACTIVATIONS[self.activations[i - 1]][1](z, out)
            if normed is not None:
                hat, std = normed
                g["gamma"], g["beta"] = np.sum(d * hat, axis=0), np.sum(d, axis=0)
                dhat = d * p["gamma"]
                d = (dhat - dhat.mean(axis=0) - hat * np.mean(dhat * hat, axis=0)) / std
            g[f"W{i}"], g[f"b{i}"] = a.T @ d, d.sum(axis=0)
            d = d @ p[f"W{i}"].T
        if self.convolution:
            relu = self.activations[0].startswith("relu")
            d = d * ((self.z0 > 0) if relu else 1 - self.first**2)
            g["K"] = np.einsum("bt,btk->k", d, self.windows)
        for key in p:
            if self.decay and key.startswith("W"):
                g[key] = g[key] + self.decay * p[key]
        return {k: g[k].astype(p[k].dtype) for k in p}


def random_network(rng: np.random.Generator, *, plain: bool = False) -> Network:
    """A random network; `plain` leaves out dropout, saturation, clips, kinks and huge batches."""
    tags: set[str] = set()
    m, n_in, n_out = int(rng.integers(1, 40)), int(rng.integers(1, 9)), int(rng.integers(1, 5))
    if plain:
        m, n_in = int(rng.integers(4, 40)), int(rng.integers(3, 12))
    depth = int(rng.integers(1, 4))
    sizes = [int(rng.integers(2 if not plain else 3, 13)) for _ in range(depth)]
    dtype = np.float32 if rng.random() < 0.25 else np.float64
    if dtype is np.float32:
        tags.add("float32")
    if not plain and rng.random() < 0.01:
        m, tags = 100_000, tags | {"100,000 samples"}
    X = rng.normal(size=(m, n_in))
    if rng.random() < 0.3:
        X = rng.uniform(0, 1, size=(m, n_in)) * (1 if plain or rng.random() < 0.8 else 255)
    convolution = n_in >= 3 and rng.random() < 0.2
    loss_name = str(rng.choice(["squares", "softmax", "log-loss", "log-loss, clipped", "log-loss, guarded"]))
    if plain:
        loss_name = str(rng.choice(["squares", "softmax", "log-loss"]))
    Y = rng.normal(size=(m, n_out)) if loss_name == "squares" else (rng.random((m, n_out)) < 0.5) * 1.0
    if loss_name == "softmax":
        n_out = max(n_out, 2)
        Y = np.eye(n_out)[rng.integers(0, n_out, m)]
    names = [str(rng.choice(list(ACTIVATIONS))) for _ in sizes]
    gain = float(rng.choice([0.01, 0.3, 1.0])) if not plain else float(rng.choice([0.5, 1.0]))
    if not plain and rng.random() < 0.1:
        gain, tags = 20.0, tags | {"saturated"}
    if X.max() > 100 and gain >= 0.3:
        tags.add("saturated")
    params: dict[str, np.ndarray] = {}
    width = n_in
    if convolution:
        k = int(rng.integers(2, n_in + 1))
        params["K"] = rng.normal(size=k) * gain
        width = n_in - k + 1
    zero_bias = rng.random() < (0.5 if not plain else 0.0)
    for i, size in enumerate([*sizes, n_out], 1):
        params[f"W{i}"] = rng.normal(size=(width, size)) * gain / (np.sqrt(width) if plain else 1)
        params[f"b{i}"] = np.zeros(size) if zero_bias else rng.normal(size=size) * 0.5
        width = size
    norm = m > 2 and rng.random() < 0.2
    if norm:
        del params["b1"]
        params["gamma"], params["beta"] = np.ones(sizes[0]), np.zeros(sizes[0])
        if plain:
            params["gamma"], params["beta"] = rng.normal(size=sizes[0]), rng.normal(size=sizes[0])
    if not plain and rng.random() < 0.2:
        X[rng.integers(0, m)] = 0.0
        if zero_bias:
            tags.add("exact kink")
    if "clipped" in loss_name or "guarded" in loss_name:
        tags.add("clipped")
    network = Network(
        {k: v.astype(dtype) for k, v in params.items()},
        X.astype(dtype),
        Y.astype(dtype),
        names,
        loss_name,
        scale=float(rng.choice([1.0, 1 / m, 1 / (m * n_out)])),
        decay=float(rng.choice([0.0, 0.0, 1e-3, 0.1])),
        norm=bool(norm),
        convolution=bool(convolution),
        tags=tags,
    )
    if not plain and rng.random() < 0.15:
        network.keep = 0.7
        if rng.random() < 0.5:
            network.random, _ = np.random, tags.add("dropout, np.random")
        else:
            network.random, _ = np.random.default_rng(int(rng.integers(2**31))), tags.add("dropout, Generator")
    return network
