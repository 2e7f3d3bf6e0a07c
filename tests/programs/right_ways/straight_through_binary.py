# BinaryConnect: sign(W) in the forward AND backward products, gradient handed to the real-valued W
# as if sign were the identity (straight-through estimator), W clipped to [-1, 1] afterwards.
import numpy as np

rng = np.random.RandomState(33)


class BinaryDense:
    def __init__(self, n_in, n_out):
        self.W = rng.uniform(-.8, .8, (n_in, n_out))
        self.b = np.zeros(n_out)
        self.k = 1 / np.sqrt(n_in)

    def forward(self, x):
        self.x = x
        self.Wb = np.where(self.W >= 0, 1.0, -1.0) * self.k
        return x @ self.Wb + self.b

    def backward(self, d):
        self.dW = (self.x.T @ d) * self.k       # straight through: d sign(w)/dw := 1
        self.db = d.sum(0)
        return d @ self.Wb.T

    def step(self, lr):
        self.W = np.clip(self.W - lr * self.dW, -1, 1)
        self.b = self.b - lr * self.db


class HardTanh:
    def forward(self, x):
        self.x = x
        return np.clip(x, -1, 1)

    def backward(self, d):
        return d * (np.abs(self.x) < 1)

    def step(self, lr):
        pass


X = rng.randn(300, 8)
teacher = np.sign(rng.randn(8, 3))
y = (np.maximum(X @ teacher, 0) @ np.array([1., -1., 1.]) > 0.5).astype(int)
net = [BinaryDense(8, 48), HardTanh(), BinaryDense(48, 2)]
best = 0
for epoch in range(60):
    for b in np.array_split(rng.permutation(300), 10):
        out = X[b]
        for l in net:
            out = l.forward(out)
        p = np.exp(out - out.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        d = (p - np.eye(2)[y[b]]) / len(b)
        for l in net[::-1]:
            d = l.backward(d)
        for l in net:
            l.step(0.3 if epoch < 40 else 0.05)
    out = X
    for l in net:
        out = l.forward(out)
    acc = np.mean(out.argmax(1) == y)
    best = max(best, acc)
    if epoch % 15 == 14:
        print("epoch", epoch + 1, "acc %.3f best %.3f" % (acc, best), "distinct weight values", np.unique(net[0].Wb).size)
