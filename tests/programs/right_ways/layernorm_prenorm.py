import numpy as np

np.random.seed(45)


class LayerNorm:
    def __init__(self, d, eps=1e-5):
        self.params = [np.ones(d), np.zeros(d)]
        self.eps = eps

    def forward(self, x):
        mu = x.mean(axis=-1, keepdims=True)
        self.inv = 1 / np.sqrt(x.var(axis=-1, keepdims=True) + self.eps)
        self.xhat = (x - mu) * self.inv
        return self.xhat * self.params[0] + self.params[1]

    def backward(self, dy):
        self.grads = [(dy * self.xhat).sum(0), dy.sum(0)]
        dxhat = dy * self.params[0]
        return self.inv * (dxhat - dxhat.mean(-1, keepdims=True) - self.xhat * (dxhat * self.xhat).mean(-1, keepdims=True))


class Dense:
    def __init__(self, i, o):
        self.params = [np.random.randn(i, o) / np.sqrt(i), np.zeros(o)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0] + self.params[1]

    def backward(self, dy):
        self.grads = [self.x.T @ dy, dy.sum(0)]
        return dy @ self.params[0].T


class Relu:
    params, grads = [], []

    def forward(self, x):
        self.on = x > 0
        return np.where(self.on, x, 0)

    def backward(self, dy):
        return dy * self.on


class PreNormResidual:
    """x + f(norm(x)); the incoming gradient goes down both arms."""

    def __init__(self, d, hidden):
        self.body = [LayerNorm(d), Dense(d, hidden), Relu(), Dense(hidden, d)]

    @property
    def params(self):
        return [p for l in self.body for p in l.params]

    @property
    def grads(self):
        return [g for l in self.body for g in l.grads]

    def forward(self, x):
        y = x
        for l in self.body:
            y = l.forward(y)
        return x + y

    def backward(self, dy):
        d = dy
        for l in reversed(self.body):
            d = l.backward(d)
        return dy + d


layers = [Dense(4, 12), PreNormResidual(12, 24), PreNormResidual(12, 24), LayerNorm(12), Dense(12, 2)]
X = np.random.uniform(-1, 1, (128, 4))
Y = np.stack([np.prod(X[:, :2], 1), np.sin(3 * X[:, 2]) - X[:, 3] ** 2], 1)
for it in range(301):
    out = X
    for l in layers:
        out = l.forward(out)
    diff = out - Y
    loss = np.mean(diff ** 2)
    d = 2 * diff / diff.size
    for l in layers[::-1]:
        d = l.backward(d)
    for l in layers:
        for p, g in zip(l.params, l.grads):
            p -= 0.1 * g
    if it % 60 == 0:
        print(it, loss)
