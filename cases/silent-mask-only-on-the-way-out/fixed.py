import numpy as np

rng = np.random.default_rng(95)


def init(n_in, n_hid, n_out):
    return [
        rng.normal(size=(n_in, n_hid)) * np.sqrt(2 / n_in), np.zeros(n_hid),
        rng.normal(size=(n_hid, n_out)) * np.sqrt(1 / n_hid), np.zeros(n_out),
    ]


def forward(params, x, keep=None):
    W1, b1, W2, b2 = params
    hidden = np.maximum(x @ W1 + b1, 0)
    mask = np.ones_like(hidden) if keep is None else (rng.random(hidden.shape) < keep) / keep
    dropped = hidden * mask
    return hidden, mask, dropped, dropped @ W2 + b2


def loss_fn(out, y):
    return 0.5 * np.mean((out - y) ** 2)


def backward(params, x, y, hidden, mask, dropped, out):
    W2 = params[2]
    d_out = (out - y) / y.size
    d_dropped = d_out @ W2.T
    d_hidden = d_dropped * mask * (hidden > 0)
    return x.T @ d_hidden, d_hidden.sum(axis=0), dropped.T @ d_out, d_out.sum(axis=0)


def sgd(params, grads, rate):
    for p, g in zip(params, grads):
        p -= rate * g


# weight of a parcel from its sides and material
sides = rng.uniform(0.5, 1.5, (150, 3))
material = rng.integers(0, 2, (150, 1))
y = sides.prod(axis=1, keepdims=True) * (1 + material) - 1
x = np.hstack((sides - 1, material - 0.5))

params = init(4, 16, 1)
curve = []
for epoch in range(60):
    for start in range(0, 150, 30):
        xb, yb = x[start:start + 30], y[start:start + 30]
        cache = forward(params, xb, keep=0.8)
        sgd(params, backward(params, xb, yb, *cache), 0.1)
    curve.append(loss_fn(forward(params, x)[-1], y))
    if epoch % 15 == 0:
        print("epoch %2d  loss %.4f" % (epoch, curve[-1]))
