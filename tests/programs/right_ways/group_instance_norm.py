# Group norm on (N, C, L) signals; groups = C gives instance norm. 1x1 convolutions around it, global average pooling.
import numpy as np

rng = np.random.default_rng(48)
N, L = 60, 16


def norm_forward(x, gamma, beta, groups, eps=1e-5):
    n, c, l = x.shape
    xg = x.reshape(n, groups, c // groups * l)
    mu = xg.mean(2, keepdims=True)
    inv = 1 / np.sqrt(((xg - mu) ** 2).mean(2, keepdims=True) + eps)
    xh = (xg - mu) * inv
    return gamma[:, None] * xh.reshape(x.shape) + beta[:, None], (xh, inv, gamma, groups)


def norm_backward(dy, cache):
    xh, inv, gamma, groups = cache
    n, c, l = dy.shape
    dgamma = (dy * xh.reshape(dy.shape)).sum((0, 2))
    dbeta = dy.sum((0, 2))
    d = (dy * gamma[:, None]).reshape(xh.shape)
    dx = inv * (d - d.mean(2, keepdims=True) - xh * (d * xh).mean(2, keepdims=True))
    return dx.reshape(dy.shape), dgamma, dbeta


t = np.arange(L)
kind = rng.integers(0, 2, N)
freq = np.where(kind, 3, 1)[:, None]
base = np.sin(2 * np.pi * freq * t / L + rng.uniform(0, 6, (N, 1)))
sig = base * rng.uniform(.2, 5, (N, 1)) + rng.normal(0, .05, (N, L))
X = np.stack([sig, np.roll(sig, 1, 1), np.roll(sig, 2, 1)], axis=1)        # (N, 3, L)

K1 = rng.normal(0, .6, (8, 3))
K2 = rng.normal(0, .35, (8, 8))
g1, s1, g2, s2 = np.ones(8), np.zeros(8), np.ones(8), np.zeros(8)
w, c = rng.normal(0, .3, 8), np.zeros(1)


def network(X, y):
    z1 = np.einsum("oc,ncl->nol", K1, X)
    n1, c1 = norm_forward(z1, g1, s1, groups=4)
    a1 = np.maximum(n1, 0)
    z2 = np.einsum("oc,ncl->nol", K2, a1)
    n2, c2 = norm_forward(z2, g2, s2, groups=8)
    a2 = np.maximum(n2, 0)
    pooled = a2.mean(2)
    f = pooled @ w + c
    loss = np.mean(np.logaddexp(0, f) - y * f)
    df = (1 / (1 + np.exp(-f)) - y) / len(y)
    dw, dc = pooled.T @ df, df.sum(keepdims=True)
    da2 = np.repeat((np.outer(df, w) / a2.shape[2])[:, :, None], a2.shape[2], axis=2)
    dz2, dg2, ds2 = norm_backward(da2 * (n2 > 0), c2)
    dK2 = np.einsum("nol,ncl->oc", dz2, a1)
    da1 = np.einsum("oc,nol->ncl", K2, dz2)
    dz1, dg1, ds1 = norm_backward(da1 * (n1 > 0), c1)
    dK1 = np.einsum("nol,ncl->oc", dz1, X)
    return loss, f, [dK1, dg1, ds1, dK2, dg2, ds2, dw, dc]


theta = [K1, g1, s1, K2, g2, s2, w, c]
for it in range(401):
    loss, f, grads = network(X, kind)
    for p, g in zip(theta, grads):
        p -= 0.5 * g
    if it % 100 == 0:
        print(it, "loss %.4f acc %.3f" % (loss, np.mean((f > 0) == kind)))
