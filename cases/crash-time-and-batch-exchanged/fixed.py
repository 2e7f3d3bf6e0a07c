import numpy as np

rng = np.random.default_rng(500)
BATCH, TIME, IN, HID = 20, 8, 2, 6


def init():
    return {
        "Wx": rng.normal(0, 0.5, (IN, HID)),
        "Wh": rng.normal(0, 0.4, (HID, HID)),
        "b": np.zeros(HID),
        "Wy": rng.normal(0, 0.4, (HID, 1)),
    }


def forward(p, X):
    hs = [np.zeros((X.shape[0], HID))]
    for t in range(X.shape[1]):
        hs.append(np.tanh(X[:, t] @ p["Wx"] + hs[-1] @ p["Wh"] + p["b"]))
    return hs, hs[-1] @ p["Wy"]


def backward(p, X, Y, hs, out):
    g = {k: np.zeros_like(v) for k, v in p.items()}
    d = 2 * (out - Y) / len(Y)
    g["Wy"] = hs[-1].T @ d
    dh = d @ p["Wy"].T
    for t in range(X.shape[1] - 1, -1, -1):
        dz = dh * (1 - hs[t + 1] ** 2)
        g["Wx"] += X[:, t].T @ dz
        g["Wh"] += hs[t].T @ dz
        g["b"] += dz.sum(axis=0)
        dh = dz @ p["Wh"].T
    return g


def make_batch():
    # the "adding problem": add the two marked numbers
    X = np.zeros((BATCH, TIME, IN))
    X[:, :, 0] = rng.random((BATCH, TIME))
    for row in X:
        row[rng.choice(TIME, 2, replace=False), 1] = 1
    return X, (X[:, :, 0] * X[:, :, 1]).sum(axis=1, keepdims=True) - 1


p = init()
losses = []
for it in range(400):
    X, Y = make_batch()
    hs, out = forward(p, X)
    losses.append(np.mean((out - Y) ** 2))
    g = backward(p, X, Y, hs, out)
    for k in p:
        p[k] -= 0.1 * np.clip(g[k], -1, 1)
    if it % 100 == 99:
        print("batches: %d   loss: %.4f" % (it + 1, np.mean(losses[-50:])))
