import numpy as np

rng = np.random.RandomState(6)
X = rng.uniform(-1, 1, (100, 2))
T = (X[:, :1] ** 2 + X[:, 1:] ** 2 < 0.5).astype(float)
sizes = [2, 8, 1]
theta = [rng.randn(i + 1, o) * 0.5 for i, o in zip(sizes, sizes[1:])]


def with_one(a):
    return np.hstack([np.ones((len(a), 1)), a])


def predict(theta, x):
    hidden = np.tanh(with_one(x) @ theta[0])
    return hidden, 1 / (1 + np.exp(-(with_one(hidden) @ theta[1])))


losses = []
for step in range(1500):
    hidden, out = predict(theta, X)
    losses.append(-np.mean(T * np.log(out) + (1 - T) * np.log(1 - out)))
    d_out = (out - T) / len(X)
    d_hidden = d_out @ theta[1][1:].T * (1 - hidden**2)
    theta[1] = theta[1] - 1.0 * with_one(hidden).T @ d_out
    theta[0] = theta[0] - 1.0 * with_one(X).T @ d_hidden
print("loss %.3f -> %.3f" % (losses[0], losses[-1]))
