import numpy as np

shapes = [(3, 4), (4,), (4, 1), (1,)]


def unpack(theta):
    parts, at = [], 0
    for shape in shapes:
        n = int(np.prod(shape))
        parts.append(theta[at:at + n].reshape(shape))
        at += n
    return parts


def loss(theta, X, y):
    W1, b1, W2, b2 = unpack(theta)
    return np.mean((np.tanh(X @ W1 + b1) @ W2 + b2 - y) ** 2)


def grad(theta, X, y):
    W1, b1, W2, b2 = unpack(theta)
    H = np.tanh(X @ W1 + b1)
    d = 2 * (H @ W2 + b2 - y) / len(X)
    gW2 = H.T @ d
    gb2 = d.sum(axis=0)
    dH = d @ W2.T * (1 - H * H)
    gW1 = X.T @ dH
    gb1 = dH.sum(axis=0)
    return np.concatenate([gW1.ravel(), gb1, gW2.ravel(), gb2])


rng = np.random.default_rng(60)
X = rng.uniform(-1, 1, (70, 3))
y = (X[:, 0] ** 2 - X[:, 1] + 0.5)[:, None]

theta = rng.normal(size=sum(int(np.prod(s)) for s in shapes)) * 0.5
# Adam, by the book
m, v = np.zeros_like(theta), np.zeros_like(theta)
trace = []
for t in range(1, 401):
    g = grad(theta, X, y)
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g ** 2
    theta = theta - 0.02 * (m / (1 - 0.9 ** t)) / (np.sqrt(v / (1 - 0.999 ** t)) + 1e-8)
    trace.append(loss(theta, X, y))
print("loss: %.4f -> %.5f" % (trace[0], trace[-1]))
