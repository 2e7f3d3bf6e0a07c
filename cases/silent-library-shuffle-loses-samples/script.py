import random

import numpy as np

random.seed(4)
rng = np.random.RandomState(4)
points = rng.uniform(-1, 1, (60, 2))
goal = np.sum(points**2, axis=1, keepdims=True)
table = np.hstack([points, goal])

W1, b1 = rng.randn(2, 10) * 0.8, np.zeros(10)
W2, b2 = rng.randn(10, 1) * 0.4, np.zeros(1)
history = []
for epoch in range(80):
    random.shuffle(table)
    total = 0.0
    for row in range(0, len(table), 12):
        x, t = table[row : row + 12, :2], table[row : row + 12, 2:]
        a = np.tanh(x @ W1 + b1)
        d = (a @ W2 + b2 - t) / len(x)
        total += float(np.sum((a @ W2 + b2 - t) ** 2))
        back = d @ W2.T * (1 - a**2)
        W2 -= 0.5 * a.T @ d
        b2 -= 0.5 * d.sum(axis=0)
        W1 -= 0.5 * x.T @ back
        b1 -= 0.5 * back.sum(axis=0)
    history.append(total)
print("squared error: %.3f -> %.3f; samples left: %d" % (history[0], history[-1], len(np.unique(table, axis=0))))
