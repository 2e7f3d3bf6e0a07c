import numpy as np


class Model:
    def __init__(self, sizes):
        rng = np.random.RandomState(8)
        self.weights = [rng.randn(m, n) / np.sqrt(n) for n, m in zip(sizes, sizes[1:])]
        self.biases = [rng.randn(m, 1) * 0.1 for m in sizes[1:]]

    def run(self, x):
        outs = [x]
        for w, b in zip(self.weights, self.biases):
            outs.append(np.tanh(w @ outs[-1] + b))
        return outs

    def gradients(self, x, t):
        outs = self.run(x)
        delta = (outs[-1] - t) * (1 - outs[-1] ** 2) / x.shape[1]
        gw, gb = [], []
        for l in range(len(self.weights) - 1, -1, -1):
            gw.insert(0, delta @ outs[l].T)
            gb.insert(0, delta.sum(axis=1, keepdims=True))
            delta = self.weights[l].T @ delta * (1 - outs[l] ** 2)
        return gw, gb

    def train(self, x, t, rate, steps):
        losses = []
        for _ in range(steps):
            losses.append(0.5 * np.mean((self.run(x)[-1] - t) ** 2))
            gw, gb = self.gradients(x, t)
            for w, b, dw, db in zip(self.weights, self.biases, gw, gb):
                w -= rate * dw
                b -= rate * db
        return losses


x = np.linspace(-1, 1, 40).reshape(1, 40)
model = Model([1, 8, 1])
losses = model.train(x, 0.8 * x**3 - 0.2, 0.5, 400)
print("loss", losses[0], "->", losses[-1])
