"""Binary focal loss on a 5 % positive problem; derivative written out by hand and checked at start-up."""
import numpy as np

GAMMA, ALPHA = 2.0, 0.75


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def focal(z, y):
    p = sigmoid(z)
    pt = np.where(y == 1, p, 1 - p)
    at = np.where(y == 1, ALPHA, 1 - ALPHA)
    return np.sum(-at * (1 - pt) ** GAMMA * np.log(pt)) / len(y)


def focal_grad(z, y):
    p = sigmoid(z)
    pt = np.where(y == 1, p, 1 - p)
    at = np.where(y == 1, ALPHA, 1 - ALPHA)
    sign = np.where(y == 1, 1, -1)
    return sign * at * (1 - pt) ** GAMMA * (GAMMA * pt * np.log(pt) - (1 - pt)) / len(y)


def self_test():
    z, y, h = np.array([-2., -.3, .4, 3.]), np.array([1, 0, 1, 0]), 1e-5
    num = [(focal(z + h * e, y) - focal(z - h * e, y)) / (2 * h) for e in np.eye(4)]
    assert np.allclose(num, focal_grad(z, y), atol=1e-8), (num, focal_grad(z, y))


self_test()
rng = np.random.default_rng(6)
m = 600
X = rng.normal(size=(m, 2))
y = (((X[:, 0] - 1.5) ** 2 + (X[:, 1] - 1) ** 2) < .5).astype(int)
V = rng.normal(size=(2, 12))
c = rng.normal(size=12) * .1
w = rng.normal(size=12) * .1
# prior-aware start: sigma(b) = 0.05
b = -np.log(0.95 / 0.05)
mom = [0., 0., 0., 0.]
for k in range(500):
    h = np.tanh(X @ V + c)
    z = h @ w + b
    dz = focal_grad(z, y)
    dw = h.T @ dz
    db = dz.sum()
    dpre = np.outer(dz, w) * (1 - h ** 2)
    dV = X.T @ dpre
    dc = dpre.sum(0)
    mom = [0.9 * v + g for v, g in zip(mom, (dV, dc, dw, db))]
    V, c, w, b = [q - 0.3 * v for q, v in zip((V, c, w, b), mom)]
    if k % 100 == 0:
        print("it %3d focal %.5f" % (k, focal(z, y)))
z = np.tanh(X @ V + c) @ w + b
print("positives", y.sum(), "recall %.2f" % (((z > 0) & (y == 1)).sum() / y.sum()), "false alarms", ((z > 0) & (y == 0)).sum())
