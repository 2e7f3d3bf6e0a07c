import numpy as np

rng = np.random.default_rng(18)
LEAK = 0.1


def leaky(z):
    return np.where(z > 0, z, LEAK * z)


def d_leaky(z):
    return np.where(z > 0, 1.0, LEAK)


def forward(x, layers):
    zs, acts = [], [x]
    for i, (W, b) in enumerate(layers):
        zs.append(W @ acts[-1] + b)
        acts.append(leaky(zs[-1]) if i < len(layers) - 1 else zs[-1])
    return zs, acts


def backward(zs, acts, y, layers):
    grads = []
    delta = 2 * (acts[-1] - y) / y.size
    for i in reversed(range(len(layers))):
        grads.insert(0, (delta @ acts[i].T, delta.sum(axis=1, keepdims=True)))
        if i > 0:
            delta = (layers[i][0].T @ delta) * d_leaky(zs[i - 1])
    return grads


def mse(y, out):
    return np.mean((y - out) ** 2)


# distance to the nearest of two masts
x = rng.uniform(-2, 2, (2, 200))
masts = np.array([[-1.0, 0.5], [1.2, -0.7]])
y = np.min([np.hypot(x[0] - a, x[1] - b) for a, b in masts], axis=0).reshape(1, -1)

sizes = [2, 12, 7, 1]
layers = [[rng.normal(size=(o, i)) * np.sqrt(2 / i), np.zeros((o, 1))] for i, o in zip(sizes[:-1], sizes[1:])]
trace = []
for it in range(600):
    zs, acts = forward(x, layers)
    trace.append(mse(y, acts[-1]))
    for (W, b), (dW, db) in zip(layers, backward(zs, acts, y, layers)):
        W -= 0.05 * dW
        b -= 0.05 * db
    if it % 150 == 0:
        print(f"{it:4d}  mse {trace[-1]:.4f}")
