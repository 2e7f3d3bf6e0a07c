import numpy as np


class Filter:
    """one sliding window, valid"""

    def __init__(self, width, gen):
        self.k = gen.normal(0, 1 / np.sqrt(width), width)

    def forward(self, signal):
        self.signal = signal
        return np.correlate(signal, self.k, mode="valid")

    def backward(self, d):
        self.dk = np.correlate(self.signal, d, mode="valid")
        return np.convolve(d, self.k, mode="valid")


class SoftSign:
    def forward(self, x):
        self.x = x
        return x / (1 + np.abs(x))

    def backward(self, d):
        return d / (1 + np.abs(self.x)) ** 2


gen = np.random.default_rng(42)
first, squash, second = Filter(7, gen), SoftSign(), Filter(5, gen)
readout = gen.normal(0, 0.3, 16)


def signal(kind):
    t = np.arange(26)
    return np.sin(t * (0.5 if kind else 1.1) + gen.uniform(0, 6)) + 0.1 * gen.normal(size=26)


def train_on(x, target, lr):
    global readout
    u = second.forward(squash.forward(first.forward(x)))
    v = np.tanh(u) ** 2
    error = readout @ v - target
    d_readout = error * v
    d_u = error * readout * 2 * np.tanh(u) * (1 - np.tanh(u) ** 2)
    first.backward(squash.backward(second.backward(d_u)))
    readout = readout - lr * d_readout
    first.k -= lr * first.dk
    second.k -= lr * second.dk
    return 0.5 * error ** 2


curve = []
for n in range(1500):
    kind = n % 2
    curve.append(train_on(signal(kind), 1.0 if kind else -1.0, 0.03))
    if n % 300 == 299:
        print("signals %d: loss %.4f" % (n + 1, np.mean(curve[-300:])))
