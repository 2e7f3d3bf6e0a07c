"""Natural gradient for a softmax net with one hidden layer: empirical-free Fisher (labels summed over the MODEL's
distribution, not the data), damped, solved exactly since the net is tiny."""
import numpy as np

rng = np.random.default_rng(63)
I, H, C, N = 3, 4, 3, 120
X = rng.normal(size=(N, I)) * [1.0, 10.0, 0.1]            # badly scaled on purpose
lab = np.argmax(np.c_[X[:, 0], X[:, 1] / 10, X[:, 2] * 10] + 0.8 * rng.normal(size=(N, 3)), axis=1)


def split(th):
    return th[:I * H].reshape(I, H), th[I * H:I * H + H * C].reshape(H, C)


def forward(th, X):
    A, B = split(th)
    h = np.tanh(X @ A)
    s = h @ B
    p = np.exp(s - s.max(1, keepdims=True))
    return h, p / p.sum(1, keepdims=True)


def per_sample(th, X, h, ds):
    """gradient of each sample as a row, for given error signals ds"""
    A, B = split(th)
    gB = h[:, :, None] * ds[:, None, :]
    dz = ds @ B.T * (1 - h ** 2)
    gA = X[:, :, None] * dz[:, None, :]
    return np.hstack([gA.reshape(len(X), -1), gB.reshape(len(X), -1)])


def loss(th):
    return -np.log(forward(th, X)[1][np.arange(N), lab] + 1e-12).mean()


th = rng.normal(size=I * H + H * C) * 0.1
plain = th.copy()
for it in range(31):
    if it % 6 == 0:
        print("it %2d  natural %.4f   plain %.4f" % (it, loss(th), loss(plain)))
    h, p = forward(th, X)
    g = per_sample(th, X, h, p - np.eye(C)[lab]).mean(0)
    F = np.zeros((th.size, th.size))
    for c in range(C):
        G = per_sample(th, X, h, p - np.eye(C)[c])
        F += (G * p[:, c:c + 1]).T @ G / N
    th = th - 0.5 * np.linalg.solve(F + 1e-2 * np.eye(th.size), g)

    hp, pp = forward(plain, X)
    plain = plain - 0.1 * per_sample(plain, X, hp, pp - np.eye(C)[lab]).mean(0)
