"""L-BFGS (two-loop recursion) with a backtracking Armijo search on the unrolled weights of a small regression net."""
import numpy as np
from collections import deque

rng = np.random.RandomState(61)
X = rng.uniform(-1, 1, (80, 2))
Y = (np.sin(3 * X[:, 0]) + X[:, 1] ** 3).reshape(-1, 1)
n_in, n_hid = 2, 10
LAM = 1e-4


def pack(W1, b1, W2, b2):
    return np.r_[W1.ravel(), b1.ravel(), W2.ravel(), b2.ravel()]


def unpack(th):
    i = n_in * n_hid
    return (th[:i].reshape(n_in, n_hid), th[i:i + n_hid],
            th[i + n_hid:i + 2 * n_hid].reshape(n_hid, 1), th[i + 2 * n_hid:])


def cost(th):
    W1, b1, W2, b2 = unpack(th)
    A = np.tanh(X @ W1 + b1)
    R = A @ W2 + b2 - Y
    J = 0.5 * np.sum(R * R) / len(X) + 0.5 * LAM * th @ th            # biases are regularised as well
    D = R / len(X)
    DA = D @ W2.T * (1 - A * A)
    return J, pack(X.T @ DA, DA.sum(0), A.T @ D, D.sum(0)) + LAM * th


def direction(g, pairs):
    q = g.copy()
    alphas = []
    for s, y in reversed(pairs):
        a = (s @ q) / (s @ y)
        q -= a * y
        alphas.append(a)
    if pairs:
        s, y = pairs[-1]
        q *= (s @ y) / (y @ y)
    for (s, y), a in zip(pairs, reversed(alphas)):
        b = (y @ q) / (s @ y)
        q += (a - b) * s
    return -q


theta = rng.randn(n_in * n_hid + 2 * n_hid + 1) * 0.5
f, g = cost(theta)
pairs = deque(maxlen=8)
for it in range(151):
    if it % 30 == 0:
        print("it %3d  J %.6f  |g| %.2e" % (it, f, np.linalg.norm(g)))
    p = direction(g, pairs)
    step = 1.0
    while True:
        cand = theta + step * p
        f_new, g_new = cost(cand)
        if f_new <= f + 1e-4 * step * (g @ p) or step < 1e-10:
            break
        step *= 0.5
    s, y = cand - theta, g_new - g
    if s @ y > 1e-10:
        pairs.append((s, y))
    theta, f, g = cand, f_new, g_new
