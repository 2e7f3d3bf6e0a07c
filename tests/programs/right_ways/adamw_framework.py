from __future__ import annotations

import numpy as np
from dataclasses import dataclass, field


@dataclass
class Parameter:
    value: np.ndarray
    decay: bool = True
    grad: np.ndarray = field(init=False)

    def __post_init__(self):
        self.grad = np.zeros_like(self.value)


class Module:
    def parameters(self) -> list[Parameter]:
        return [p for p in vars(self).values() if isinstance(p, Parameter)]

    def __call__(self, x):
        return self.forward(x)


class Linear(Module):
    def __init__(self, n_in, n_out, rng):
        self.w = Parameter(rng.normal(0, (2 / n_in) ** 0.5, (n_in, n_out)))
        self.b = Parameter(np.zeros(n_out), decay=False)      # biases are not decayed

    def forward(self, x):
        self.x = x
        return x @ self.w.value + self.b.value

    def backward(self, g):
        self.w.grad += self.x.T @ g
        self.b.grad += g.sum(0)
        return g @ self.w.value.T


class GELU(Module):
    C = np.sqrt(2 / np.pi)

    def forward(self, x):
        self.x = x
        self.t = np.tanh(self.C * (x + 0.044715 * x ** 3))
        return 0.5 * x * (1 + self.t)

    def backward(self, g):
        x, t = self.x, self.t
        du = self.C * (1 + 3 * 0.044715 * x ** 2)
        return g * (0.5 * (1 + t) + 0.5 * x * (1 - t ** 2) * du)


class Sequential(Module):
    def __init__(self, *mods):
        self.mods = mods

    def parameters(self):
        return [p for m in self.mods for p in m.parameters()]

    def forward(self, x):
        for m in self.mods:
            x = m(x)
        return x

    def backward(self, g):
        for m in self.mods[::-1]:
            g = m.backward(g)


class AdamW:
    def __init__(self, params, lr=1e-2, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.02):
        self.params, self.lr, self.betas, self.eps, self.wd = params, lr, betas, eps, weight_decay
        self.state = [(np.zeros_like(p.value), np.zeros_like(p.value)) for p in params]
        self.t = 0

    def zero_grad(self):
        for p in self.params:
            p.grad[...] = 0

    def step(self):
        self.t += 1
        b1, b2 = self.betas
        for p, (m, v) in zip(self.params, self.state):
            m *= b1
            m += (1 - b1) * p.grad
            v *= b2
            v += (1 - b2) * p.grad ** 2
            if p.decay:                                        # decoupled: not part of the gradient
                p.value *= 1 - self.lr * self.wd
            p.value -= self.lr * (m / (1 - b1 ** self.t)) / (np.sqrt(v / (1 - b2 ** self.t)) + self.eps)


rng = np.random.default_rng(8)
x = rng.uniform(-2, 2, (200, 2))
y = (np.sin(x[:, :1] * 2) * x[:, 1:])
net = Sequential(Linear(2, 24, rng), GELU(), Linear(24, 1, rng))
opt = AdamW(net.parameters())
for step in range(500):
    batch = rng.choice(200, 32, replace=False)
    pred = net(x[batch])
    diff = pred - y[batch]
    loss = (diff ** 2).mean()
    opt.zero_grad()
    net.backward(2 * diff / diff.size)
    opt.step()
    if step % 100 == 0:
        print(f"step {step:4d}  loss {loss:.5f}")
print(f"full mse {((net(x) - y) ** 2).mean():.5f}")
