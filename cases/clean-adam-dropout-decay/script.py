import numpy as np

rng = np.random.default_rng(64)


def make(sizes):
    p = {}
    for i, (a, b) in enumerate(zip(sizes, sizes[1:]), start=1):
        p[f"W{i}"] = rng.normal(size=(a, b)) * np.sqrt(2 / a)
        p[f"b{i}"] = np.zeros((1, b))
    return p


def loss_and_grads(p, x, t, keep=0.8, decay=1e-3):
    z1 = x @ p["W1"] + p["b1"]
    h = np.maximum(z1, 0)
    mask = (rng.random(h.shape) < keep) / keep
    h = h * mask
    z2 = h @ p["W2"] + p["b2"]
    z2 = z2 - z2.max(axis=1, keepdims=True)
    logp = z2 - np.log(np.exp(z2).sum(axis=1, keepdims=True))
    loss = -(t * logp).sum() / len(x)
    loss += 0.5 * decay * sum((p[k] ** 2).sum() for k in p if k.startswith("W"))

    g = {}
    dz2 = (np.exp(logp) - t) / len(x)
    g["W2"] = h.T @ dz2 + decay * p["W2"]
    g["b2"] = dz2.sum(axis=0, keepdims=True)
    dz1 = dz2 @ p["W2"].T * mask * (z1 > 0)
    g["W1"] = x.T @ dz1 + decay * p["W1"]
    g["b1"] = dz1.sum(axis=0, keepdims=True)
    return loss, g


def clip(g, limit=1.0):
    norm = np.sqrt(sum((v ** 2).sum() for v in g.values()))
    return {k: v * min(1.0, limit / norm) for k, v in g.items()}


kind = rng.integers(0, 3, 210)
x = rng.normal(size=(210, 6)) + 1.3 * rng.normal(size=(3, 6))[kind]
t = np.eye(3)[kind]

p = make([6, 16, 3])
m = {k: np.zeros_like(v) for k, v in p.items()}
v = {k: np.zeros_like(a) for k, a in p.items()}
step, curve = 0, []
for epoch in range(12):
    order = rng.permutation(210)
    for k in range(0, 210, 32):
        rows = order[k:k + 32]
        loss, g = loss_and_grads(p, x[rows], t[rows])
        g = clip(g)
        step += 1
        for name in p:
            m[name] = 0.9 * m[name] + 0.1 * g[name]
            v[name] = 0.99 * v[name] + 0.01 * g[name] ** 2
            mhat, vhat = m[name] / (1 - 0.9 ** step), v[name] / (1 - 0.99 ** step)
            p[name] -= 0.01 * mhat / (np.sqrt(vhat) + 1e-8)
    curve.append(loss_and_grads(p, x, t, keep=1.0)[0])
    print(f"epoch {epoch:2d}  loss {curve[-1]:.4f}")
