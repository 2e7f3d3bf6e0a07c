import numpy as np


def nadam_init(params):
    return {"t": 0, "m": [0 * p for p in params], "v": [0 * p for p in params]}


def nadam(params, grads, state, lr=2e-2, b1=0.9, b2=0.999, eps=1e-8):
    """Pure function: old parameters and state in, new parameters and state out."""
    t = state["t"] + 1
    m = [b1 * m + (1 - b1) * g for m, g in zip(state["m"], grads)]
    v = [b2 * v + (1 - b2) * g * g for v, g in zip(state["v"], grads)]
    new = []
    for p, g, mi, vi in zip(params, grads, m, v):
        m_hat = b1 * mi / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1 ** t)
        v_hat = vi / (1 - b2 ** t)
        new.append(p - lr * m_hat / (np.sqrt(v_hat) + eps))
    return new, {"t": t, "m": m, "v": v}


def softplus(z):
    return np.logaddexp(0, z)


def sigmoid(z):
    return 0.5 * (1 + np.tanh(0.5 * z))


def value_and_grad(params, X, y):
    # Poisson regression with a hidden softplus layer: rate = exp(f(x))
    A, a, B, b = params
    z = X @ A + a
    h = softplus(z)
    f = h @ B + b
    rate = np.exp(f)
    nll = np.mean(rate - y * f)
    df = (rate - y) / y.shape[0]
    dB = h.T @ df
    db = df.sum()
    dz = np.outer(df, B) * sigmoid(z)           # softplus' is the sigmoid of its input
    return nll, [X.T @ dz, dz.sum(0), dB, db]


rng = np.random.default_rng(5)
X = rng.normal(size=(250, 3))
y = rng.poisson(np.exp(0.8 * np.abs(X[:, 0]) - 0.3 * X[:, 1])).astype(float)
params = [rng.normal(size=(3, 6)) * .4, np.zeros(6), rng.normal(size=6) * .3, np.float64(0.0)]
state = nadam_init(params)
for step in range(300):
    nll, grads = value_and_grad(params, X, y)
    params, state = nadam(params, grads, state)
    if step % 60 == 0:
        print(step, nll)
print("end", value_and_grad(params, X, y)[0])
