import numpy as np

rng = np.random.default_rng(26)


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    xhat = (x - mu) / np.sqrt(var + eps)
    return gamma * xhat + beta, (xhat, gamma, var, eps)


def batchnorm_backward(dout, cache):
    xhat, gamma, var, eps = cache
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxhat = dout * gamma
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / np.sqrt(var + eps)
    return dx, dgamma, dbeta


def net_forward(p, x):
    z = x @ p["W1"]
    n, bn_cache = batchnorm_forward(z, p["gamma"], p["beta"])
    h = np.tanh(n)
    return h @ p["W2"] + p["b2"], (x, bn_cache, h)


def net_backward(p, diff, cache):
    x, bn_cache, h = cache
    g = {"W2": h.T @ diff, "b2": diff.sum(axis=0)}
    dh = diff @ p["W2"].T
    dz, g["gamma"], g["beta"] = batchnorm_backward(dh * (1 - h ** 2), bn_cache)
    g["W1"] = x.T @ dz
    return g


# badly scaled inputs on purpose
x = rng.normal(size=(160, 3)) * np.array([1.0, 50.0, 0.02]) + np.array([0.0, 300.0, 1.0])
y = np.tanh(x[:, :1] + (x[:, 1:2] - 300) / 50) - (x[:, 2:] - 1) / 0.02 / 3

p = {"gamma": np.ones(5), "beta": np.zeros(5), "W1": rng.normal(size=(3, 5)) / [[1], [50], [0.02]],
     "W2": rng.normal(size=(5, 1)) * 0.5, "b2": np.zeros(1)}
loss_per_epoch = []
for epoch in range(40):
    total = 0
    for k in range(0, 160, 32):
        out, cache = net_forward(p, x[k:k + 32])
        diff = out - y[k:k + 32]
        total += (diff ** 2).sum() / 160
        grads = net_backward(p, 2 * diff / 32, cache)
        for name in p:
            if name != "W1":         # the first layer stays random
                p[name] -= 0.05 * grads[name]
    loss_per_epoch.append(total)
    if epoch % 10 == 0:
        print("epoch %d  %.4f" % (epoch, total))
print("final    %.4f" % loss_per_epoch[-1])
