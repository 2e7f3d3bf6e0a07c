import numpy as np


class Logit:
    def __init__(self, d, seed=0):
        self.w = np.random.default_rng(seed).normal(size=d) * 0.1
        self.b = 0.0

    def prob(self, x):
        return 1 / (1 + np.exp(-(x @ self.w + self.b)))

    def fit_batch(self, x, y, lr):
        r = self.prob(x) - y
        self.w -= lr * x.T @ r / len(y)
        self.b -= lr * r.mean()


def batches(n, size):
    for k in range(0, n, size):
        yield slice(k, min(k + size, n))


def evaluate(model, x, y, size):
    pieces = []
    for part in batches(len(x), size):
        pieces.append(model.prob(x[part]) > 0.5)
    everything = np.array(pieces).ravel()
    return everything, np.mean(everything == y)


gen = np.random.default_rng(91)
train_x = gen.normal(size=(240, 5))
true_w = np.array([2.0, -1.0, 0.5, 0.0, 1.0])
train_y = (train_x @ true_w + 0.3 * gen.normal(size=240) > 0) * 1
test_x = gen.normal(size=(60, 5))
test_y = (test_x @ true_w > 0) * 1

model = Logit(5)
for epoch in range(20):
    for part in batches(240, 24):
        model.fit_batch(train_x[part], train_y[part], 0.5)
print("training finished, w =", model.w.round(2))

guesses, score = evaluate(model, test_x, test_y, 24)
print("test accuracy:", score)
