"""Keeps three copies of a small regressor: the raw one, its moving average and a plain (SWA) average."""
import copy
import numpy as np

prng = np.random.RandomState(2)


class Dense:
    def __init__(self, n, m):
        self.W = prng.normal(0, 1 / np.sqrt(n), (n, m))
        self.b = np.zeros((1, m))

    def fwd(self, x):
        self.x = x
        return x.dot(self.W) + self.b

    def bwd(self, d, lr):
        dx = d.dot(self.W.T)               # taken before the weights move
        self.W = self.W - lr * self.x.T.dot(d)
        self.b = self.b - lr * d.sum(axis=0, keepdims=True)
        return dx


class Tanh:
    def fwd(self, x):
        self.y = np.tanh(x)
        return self.y

    def bwd(self, d, lr):
        return d * (1 - self.y * self.y)


def predict(net, x):
    for l in net:
        x = l.fwd(x)
    return x


def mix(target, source, keep):
    for a, b in zip(target, source):
        if hasattr(a, 'W'):
            a.W = keep * a.W + (1 - keep) * b.W
            a.b = keep * a.b + (1 - keep) * b.b


xs = prng.uniform(-1, 1, (128, 2))
ys = np.sin(3 * xs[:, :1]) * np.cos(2 * xs[:, 1:]) + prng.normal(0, .1, (128, 1))
net = [Dense(2, 20), Tanh(), Dense(20, 1)]
ema = copy.deepcopy(net)
swa, n_swa = None, 0

for epoch in range(150):
    for s in range(0, 128, 16):
        xb, yb = xs[s:s + 16], ys[s:s + 16]
        d = 2 * (predict(net, xb) - yb) / len(xb)
        for layer in reversed(net):
            d = layer.bwd(d, 0.1)
        mix(ema, net, 0.98)
    if epoch >= 100:
        if swa is None:
            swa = copy.deepcopy(net)
        else:
            mix(swa, net, n_swa / (n_swa + 1.0))
        n_swa += 1
    if epoch % 50 == 49:
        msg = ['%.4f' % np.mean((predict(m, xs) - ys) ** 2) for m in (net, ema, swa) if m is not None]
        print(epoch + 1, 'raw/ema/swa mse', msg)
