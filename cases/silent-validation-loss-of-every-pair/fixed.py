import numpy as np


class Curve:
    """y = f(x), one hidden layer"""

    def __init__(self, width, seed):
        r = np.random.RandomState(seed)
        self.U = r.randn(1, width) * 2
        self.c = r.randn(1, width)
        self.V = r.randn(width, 1) / np.sqrt(width)
        self.d = np.zeros((1, 1))

    def __call__(self, x):
        self.x = x
        self.h = np.tanh(x @ self.U + self.c)
        return self.h @ self.V + self.d

    def improve(self, target, rate):
        e = 2 * (self(self.x) - target) / len(target)
        gV, gd = self.h.T @ e, e.sum(axis=0, keepdims=True)
        back = e @ self.V.T * (1 - self.h ** 2)
        gU, gc = self.x.T @ back, back.sum(axis=0, keepdims=True)
        self.U -= rate * gU
        self.c -= rate * gc
        self.V -= rate * gV
        self.d -= rate * gd


def mean_squared_error(guess, truth):
    return np.mean((guess - truth) ** 2)


noise = np.random.RandomState(1)
xs = noise.uniform(-2, 2, 160)
ys = np.sin(2 * xs) + 0.1 * noise.randn(160)

x_train, y_train = xs[:120].reshape(-1, 1), ys[:120].reshape(-1, 1)
x_valid, y_valid = xs[120:].reshape(-1, 1), ys[120:].reshape(-1, 1)

model = Curve(12, seed=2)
train_loss, valid_loss = [], []
for step in range(600):
    train_loss.append(mean_squared_error(model(x_train), y_train))
    model.improve(y_train, 0.1)
    valid_loss.append(mean_squared_error(model(x_valid), y_valid))
    if step % 100 == 0:
        print("step %4d   train %.4f   valid %.4f" % (step, train_loss[-1], valid_loss[-1]))
print("best validation loss: %.4f" % min(valid_loss))
