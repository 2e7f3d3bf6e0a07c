import numpy as np


def wn(v, g):
    """w = g * v / ||v||, one norm per output column (Salimans & Kingma 2016)"""
    return g * v / np.linalg.norm(v, axis=0)


def wn_backward(dw, v, g):
    n = np.linalg.norm(v, axis=0)
    dg = (dw * v).sum(axis=0) / n
    dv = g / n * dw - g * dg / n ** 2 * v
    return dv, dg


def forward(theta, x):
    acts = [x]
    for i, (v, g, b) in enumerate(theta):
        z = acts[-1] @ wn(v, g) + b
        acts.append(np.tanh(z) if i < len(theta) - 1 else z)
    return acts


def backward(theta, acts, dout):
    out = []
    for i in reversed(range(len(theta))):
        v, g, b = theta[i]
        dv, dg = wn_backward(acts[i].T @ dout, v, g)
        out.append((dv, dg, dout.sum(axis=0)))
        if i > 0:
            dout = (dout @ wn(v, g).T) * (1 - acts[i] ** 2)
    return out[::-1]


def mse(theta, x, y):
    return np.mean(np.sum((forward(theta, x)[-1] - y) ** 2, axis=1))


if __name__ == "__main__":
    gen = np.random.default_rng(47)
    sizes = [3, 15, 15, 2]
    theta = [(gen.normal(size=(i, o)), np.ones(o), np.zeros(o)) for i, o in zip(sizes, sizes[1:])]
    x = gen.uniform(-1.5, 1.5, (160, 3))
    y = np.stack([np.sin(x[:, 0] * x[:, 1]), x[:, 2] ** 2 - 0.7], axis=1)

    # data-dependent start: every unit has zero mean and unit variance on the first batch
    a = x
    for i, (v, g, b) in enumerate(theta):
        z = a @ wn(v, g) + b
        theta[i] = (v, g / z.std(0), -z.mean(0) / z.std(0))
        a = np.tanh(a @ wn(theta[i][0], theta[i][1]) + theta[i][2])

    for it in range(601):
        acts = forward(theta, x)
        grads = backward(theta, acts, 2 * (acts[-1] - y) / len(x))
        if it % 150 == 0:
            print("iteration", it, "mse", mse(theta, x, y))
        theta = [tuple(p - 0.03 * d for p, d in zip(layer, grad)) for layer, grad in zip(theta, grads)]
