# Highway layers: y = T * H + (1 - T) * x, transform gates start nearly closed (bias -2)
import numpy as np

rng = np.random.RandomState(51)


def sigma(a):
    return 1.0 / (1.0 + np.exp(-a))


class Highway:
    def __init__(self, n):
        self.WH, self.bH = rng.randn(n, n) / np.sqrt(n), np.zeros(n)
        self.WT, self.bT = rng.randn(n, n) / np.sqrt(n), np.full(n, -2.0)
        self.mem = dict.fromkeys(["WH", "bH", "WT", "bT"], 0.0)

    def forward(self, x):
        self.x = x
        self.H = np.tanh(x.dot(self.WH) + self.bH)
        self.T = sigma(x.dot(self.WT) + self.bT)
        return self.T * self.H + (1 - self.T) * x

    def backward(self, dy):
        dH = dy * self.T * (1 - self.H ** 2)
        dT = dy * (self.H - self.x) * self.T * (1 - self.T)
        self.g = {"WH": self.x.T.dot(dH), "bH": dH.sum(0), "WT": self.x.T.dot(dT), "bT": dT.sum(0)}
        # three ways back to x: H, T and the carry
        return dH.dot(self.WH.T) + dT.dot(self.WT.T) + dy * (1 - self.T)

    def apply(self, lr):
        for k, g in self.g.items():
            self.mem[k] = self.mem[k] * 0.9 + g
            setattr(self, k, getattr(self, k) - lr * self.mem[k])


class Projection:
    def __init__(self, i, o):
        self.W, self.b = rng.randn(i, o) / np.sqrt(i), np.zeros(o)

    def forward(self, x):
        self.x = x
        return x.dot(self.W) + self.b

    def backward(self, dy):
        self.gW, self.gb = self.x.T.dot(dy), dy.sum(0)
        return dy.dot(self.W.T)

    def apply(self, lr):
        self.W = self.W - lr * self.gW
        self.b = self.b - lr * self.gb


stack = [Projection(2, 10)] + [Highway(10) for _ in range(6)] + [Projection(10, 1)]
X = rng.uniform(-1, 1, (256, 2))
Y = np.sin(5 * X[:, :1]) * (X[:, 1:] > 0)
for it in range(401):
    h = X
    for l in stack:
        h = l.forward(h)
    loss = np.mean((h - Y) ** 2)
    d = 2 * (h - Y) / len(X)
    for l in reversed(stack):
        d = l.backward(d)
    for l in stack:
        l.apply(0.1)
    if it % 100 == 0:
        print("it", it, "mse %.4f" % loss, "mean gate", [round(float(l.T.mean()), 2) for l in stack[1:-1]])
