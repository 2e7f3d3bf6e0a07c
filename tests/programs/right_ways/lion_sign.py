# Lion (Chen et al. 2023): step by the sign of an interpolation, then update the momentum with another beta
import numpy as np

rng = np.random.default_rng(0)
n, d, hid = 240, 5, 10
X = rng.normal(size=(n, d))
true = np.tanh(X @ rng.normal(size=(d, 2)))
y = np.sign(true[:, 0] - true[:, 1])                     # labels in {-1, +1}

W = rng.normal(size=(d, hid)) / np.sqrt(d)
c = np.zeros(hid)
u = rng.normal(size=hid) / np.sqrt(hid)
mW, mc, mu_ = np.zeros_like(W), np.zeros_like(c), np.zeros_like(u)

beta1, beta2, wd = 0.9, 0.99, 0.01
for step in range(1, 401):
    lr = 0.01 if step < 250 else 0.002
    pick = rng.integers(0, n, 40)
    xb, yb = X[pick], y[pick]
    hcache = np.tanh(xb @ W + c)
    f = hcache @ u
    margin = yb * f
    loss = np.logaddexp(0, -margin).mean()               # log(1 + exp(-y f))
    g_f = -yb / (1 + np.exp(margin)) / len(yb)
    g_u = g_f @ hcache
    g_a = g_f[:, None] * u * (1 - hcache ** 2)
    g_W = xb.T @ g_a
    g_c = g_a.sum(axis=0)

    W = W - lr * (np.sign(beta1 * mW + (1 - beta1) * g_W) + wd * W)
    c = c - lr * np.sign(beta1 * mc + (1 - beta1) * g_c)
    u = u - lr * (np.sign(beta1 * mu_ + (1 - beta1) * g_u) + wd * u)
    mW = beta2 * mW + (1 - beta2) * g_W
    mc = beta2 * mc + (1 - beta2) * g_c
    mu_ = beta2 * mu_ + (1 - beta2) * g_u
    if step % 80 == 0:
        full = np.tanh(X @ W + c) @ u
        print(f"{step:4d} logistic {np.logaddexp(0, -y * full).mean():.4f} acc {(np.sign(full) == y).mean():.3f}")
