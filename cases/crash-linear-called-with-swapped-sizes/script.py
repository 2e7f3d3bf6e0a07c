import numpy as np


class Linear:
    def __init__(self, n_out, n_in):
        self.W = np.random.randn(n_out, n_in) * np.sqrt(2.0 / n_in)
        self.b = np.zeros(n_out)

    def __call__(self, x):
        self.x = x
        return x @ self.W.T + self.b

    def back(self, dvalues):
        self.dW = dvalues.T @ self.x
        self.db = dvalues.sum(0)
        return dvalues @ self.W

    def descend(self, lr):
        self.W -= lr * self.dW
        self.b -= lr * self.db


class LeakyReLU:
    def __call__(self, x):
        self.slope = np.where(x > 0, 1.0, 0.05)
        return x * self.slope

    def back(self, dvalues):
        return dvalues * self.slope


class Sequential:
    def __init__(self, *layers):
        self.layers = layers

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def back(self, d):
        for layer in reversed(self.layers):
            d = layer.back(d)

    def descend(self, lr):
        for layer in self.layers:
            if hasattr(layer, "descend"):
                layer.descend(lr)


np.random.seed(34)
model = Sequential(
    Linear(12, 5),
    LeakyReLU(),
    Linear(12, 7),
    LeakyReLU(),
    Linear(2, 7),
)

x = np.random.randn(128, 5)
y = np.stack((x[:, 0] * x[:, 1], x[:, 2] + np.abs(x[:, 4])), axis=1)
losses = []
for it in range(300):
    d = model(x) - y
    losses.append((d ** 2).mean())
    model.back(2 * d / d.size)
    model.descend(0.1)
    if it % 75 == 0:
        print(f"{it:4d}: {losses[-1]:.4f}")
print(f" end: {losses[-1]:.4f}")
