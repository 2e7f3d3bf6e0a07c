import numpy as np


class Estimator:
    def __init__(self, n_features, n_hidden=6):
        gen = np.random.default_rng(5)
        self.A = gen.normal(0, 0.7, (n_features, n_hidden))
        self.a = np.zeros(n_hidden)
        self.B = gen.normal(0, 0.4, (n_hidden, 1))
        self.b = np.zeros(1)

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.A + self.a)
        # (n, 1) -> (n,), the targets are a vector as well
        return (self.h @ self.B + self.b).squeeze()

    def backward(self, out, y, lr):
        n = out.shape[0]
        d = 2 * (out - y)[:, np.newaxis] / n
        dh = d @ self.B.T * (1 - self.h ** 2)
        self.B -= lr * self.h.T @ d
        self.b -= lr * d.sum(axis=0)
        self.A -= lr * self.x.T @ dh
        self.a -= lr * dh.sum(axis=0)


gen = np.random.default_rng(6)
X = gen.uniform(-1, 1, (71, 3))
y = X[:, 0] ** 2 + X[:, 1] * X[:, 2]

est = Estimator(3)
mse = []
for epoch in range(60):
    order = gen.permutation(len(X))
    for first in range(0, len(X), 10):
        rows = order[first:first + 10]
        out = est.forward(X[rows])
        est.backward(out, y[rows], 0.2)
    mse.append(np.mean((est.forward(X) - y) ** 2))
    if epoch % 15 == 0:
        print("epoch", epoch, "mse", mse[-1].round(5))
print("last mse", mse[-1].round(5))
