import numpy as np

rng = np.random.RandomState(31)


def logistic(z):
    return 1.0 / (1.0 + np.exp(-z))


def loss_and_gradients(theta, x, y, lam=1e-3):
    """Cross-entropy of a net of two layers with a weight penalty; theta is a dict."""
    n = x.shape[0]
    h = np.tanh(x.dot(theta["U"]) + theta["p"])
    out = logistic(h.dot(theta["V"]) + theta["q"])
    loss = -np.sum(y * np.log(out) + (1 - y) * np.log(1 - out)) / n
    loss += 0.5 * lam * (np.sum(theta["U"] ** 2) + np.sum(theta["V"] ** 2))

    d_out = (out - y) * out * (1 - out) / n
    d_hid = d_out.dot(theta["V"].T) * (1 - h ** 2)
    return loss, {
        "V": h.T.dot(d_out) + lam * theta["V"],
        "q": d_out.sum(axis=0),
        "U": x.T.dot(d_hid) + lam * theta["U"],
        "p": d_hid.sum(axis=0),
    }


# is the point on the ring
n = 140
x = rng.uniform(-1.5, 1.5, (n, 2))
radius = np.hypot(x[:, 0], x[:, 1])
y = ((radius > 0.6) & (radius < 1.2)).astype(float).reshape(-1, 1)

theta = {"U": rng.randn(2, 12), "p": rng.randn(12), "V": rng.randn(12, 1) * 0.3, "q": np.zeros(1)}
losses = []
for i in range(500):
    loss, grads = loss_and_gradients(theta, x, y)
    losses.append(loss)
    for name in theta:
        theta[name] -= 0.7 * grads[name]
    if i % 100 == 0:
        print("iteration {:4d}: loss {:.4f}".format(i, loss))
print("final loss {:.4f}".format(losses[-1]))
