import numpy as np


class Decider:
    def __init__(self, n):
        r = np.random.RandomState(1)
        self.w1, self.b1 = r.randn(n, 5) * 0.5, np.zeros(5)
        self.w2, self.b2 = r.randn(5, 1) * 0.5, np.zeros(1)

    def __call__(self, x):
        self.x, self.h = x, np.tanh(x @ self.w1 + self.b1)
        return 1 / (1 + np.exp(-(self.h @ self.w2 + self.b2)))

    def correct(self, p, t, lr):
        d = (p - t) / len(t)
        dh = d @ self.w2.T * (1 - self.h ** 2)
        self.w2 -= lr * self.h.T @ d
        self.b2 -= lr * d.sum(0)
        self.w1 -= lr * self.x.T @ dh
        self.b1 -= lr * dh.sum(0)


def strongest_components(data, how_many):
    """project on the directions with the largest variance"""
    centred = data - data.mean(axis=0)
    cov = centred.T @ centred / len(data)
    values, basis = np.linalg.eigh(cov)          # ascending
    main = basis[:, -how_many:]
    return centred @ main


gen = np.random.RandomState(0)
source = gen.randn(120, 3) * [3.0, 2.0, 1.5]
readings = source @ gen.randn(3, 6) + 0.1 * gen.randn(120, 6)
alarm = (np.abs(source[:, 0]) > 2).astype(float).reshape(-1, 1)

x = strongest_components(readings, 3)
x = x / x.std(axis=0)
net = Decider(3)
history = []
for step in range(800):
    p = net(x)
    history.append(-np.mean(alarm * np.log(p) + (1 - alarm) * np.log(1 - p)))
    net.correct(p, alarm, 1.5)
print("cross entropy %.3f -> %.3f" % (history[0], history[-1]))
