import numpy as np

# Curriculum: parity of 4 bits, first with 2 random bits and the rest zero, then 3, then all. Replay of the easier stages.
rng = np.random.default_rng(70)
n_bits, n_hid = 4, 16
params = {
    "hid.weight": rng.uniform(-1, 1, (n_hid, n_bits)) * 0.8,
    "hid.bias": rng.uniform(-1, 1, n_hid) * 0.5,
    "out.weight": rng.uniform(-1, 1, (1, n_hid)) / np.sqrt(n_hid),
    "out.bias": np.zeros(1),
}
state = {k: {"m": np.zeros_like(v), "v": np.zeros_like(v), "n": 0} for k, v in params.items()}


def draw(level, size):
    bits = rng.integers(0, 2, (size, n_bits))
    bits[:, level:] = 0
    return 2.0 * bits - 1, bits.sum(1) % 2


def forward(x):
    h = np.tanh(x @ params["hid.weight"].T + params["hid.bias"])
    return h, (h @ params["out.weight"].T + params["out.bias"])[:, 0]


def bce(z, y):
    return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))


def backward(x, y, h, z):
    d = (0.5 * (1 + np.tanh(z / 2)) - y)[:, None] / len(y)      # tanh form of the sigmoid
    dh = d @ params["out.weight"] * (1 - h * h)
    return {"out.weight": d.T @ h, "out.bias": d.sum(0), "hid.weight": dh.T @ x, "hid.bias": dh.sum(0)}


def adam(name, g, lr=0.02):
    s = state[name]
    s["n"] += 1
    s["m"] = 0.9 * s["m"] + 0.1 * g
    s["v"] = 0.99 * s["v"] + 0.01 * g * g
    return lr * (s["m"] / (1 - 0.9 ** s["n"])) / (np.sqrt(s["v"] / (1 - 0.99 ** s["n"])) + 1e-8)


for level in (2, 3, 4):
    for it in range(1, 501):
        # three quarters of the batch from this stage, one quarter from the earlier ones
        x, y = draw(level, 24)
        xo, yo = draw(int(rng.integers(1, level)), 8)
        x, y = np.vstack([x, xo]), np.concatenate([y, yo])
        h, z = forward(x)
        loss = bce(z, y)
        grads = backward(x, y, h, z)
        for name in params:
            params[name] -= adam(name, grads[name])
        if loss < 0.02 and it > 50:
            break
    xt, yt = draw(n_bits, 200)
    print("stage %d bits: %d steps, loss %.4f, accuracy on all patterns %.3f" % (level, it, loss, ((forward(xt)[1] > 0) == yt).mean()))
