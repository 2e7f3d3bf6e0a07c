import numpy as np

np.random.seed(103)
eps = 1e-5


def norm_forward(z, gamma, beta):
    mu = z.mean(axis=0)
    centred = z - mu
    std = np.sqrt(centred.var(axis=0) + eps)
    xhat = centred / std
    return gamma * xhat + beta, (xhat, std)


def norm_backward(dout, gamma, cache):
    xhat, std = cache
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    dz = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std
    return dz, dgamma, dbeta


def objective(p, x, y):
    z = x @ p["W1"]
    n, cache = norm_forward(z, p["gamma"], p["beta"])
    h = np.tanh(n)
    logits = h @ p["W2"] + p["b2"]
    shifted = logits - logits.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -(y * logp).sum() / len(x)

    g = {}
    dlogits = (np.exp(logp) - y) / len(x)
    g["W2"] = h.T @ dlogits
    g["b2"] = dlogits.sum(axis=0)
    dn = dlogits @ p["W2"].T * (1 - h ** 2)
    dz, g["gamma"], g["beta"] = norm_backward(dn, p["gamma"], cache)
    g["W1"] = x.T @ dz
    return loss, g


# four leaves, measured in units that differ a thousandfold
leaf = np.random.randint(0, 4, 160)
x = (np.random.randn(4, 3)[leaf] + 0.4 * np.random.randn(160, 3)) * np.array([1.0, 30.0, 0.03])
y = np.eye(4)[leaf]

p = {
    "W1": np.random.randn(3, 8), "gamma": np.ones(8), "beta": np.zeros(8),
    "W2": np.random.randn(8, 4) * 0.4, "b2": np.zeros(4),
}
costs = []
for epoch in range(200):
    loss, g = objective(p, x, y)
    costs.append(loss)
    for k in p:
        p[k] -= 0.5 * g[k]
    if epoch % 40 == 0:
        print("epoch", epoch, "cost", round(loss, 4))
