# Three ways to train the same 2-4-1 net: backprop, SPSA (two evaluations per step) and a small evolution strategy.
# The last two use noisy stand-ins for the gradient, that is the point of the comparison.
import numpy as np

X = np.array([[0., 0.], [0., 1.], [1., 0.], [1., 1.]])
T = np.array([0., 1., 1., 0.])
SHAPES = ((2, 4), (4,), (4,), ())


def parts(v):
    i, res = 0, []
    for s in SHAPES:
        n = int(np.prod(s))
        res.append(v[i:i + n].reshape(s))
        i += n
    return res


def f(v):
    W, b, u, c = parts(v)
    return np.mean((np.tanh(X @ W + b) @ u + c - T) ** 2)


def grad(v):
    W, b, u, c = parts(v)
    h = np.tanh(X @ W + b)
    e = 2 * (h @ u + c - T) / len(T)
    dz = np.outer(e, u) * (1 - h ** 2)
    return np.concatenate([(X.T @ dz).ravel(), dz.sum(0), h.T @ e, [e.sum()]])


def spsa_estimate(v, rng, eps):
    delta = rng.choice([-1.0, 1.0], v.size)
    return (f(v + eps * delta) - f(v - eps * delta)) / (2 * eps) * delta       # 1/delta == delta


def es_estimate(v, rng, sigma, pop):
    n = rng.standard_normal((pop, v.size))
    R = np.array([f(v + sigma * k) - f(v - sigma * k) for k in n])
    return R @ n / (2 * sigma * pop)


rng = np.random.default_rng(64)
start = rng.standard_normal(17)
runs = {"backprop": start.copy(), "spsa": start.copy(), "es": start.copy()}
num = np.array([(f(start + 1e-6 * e) - f(start - 1e-6 * e)) / 2e-6 for e in np.eye(17)])
print("gradient check:", np.max(np.abs(num - grad(start))) < 1e-8)
for k in range(601):
    if k % 150 == 0:
        print("%4d " % k, "  ".join("%s %.5f" % (n, f(v)) for n, v in runs.items()))
    runs["backprop"] -= 0.2 * grad(runs["backprop"])
    runs["spsa"] -= 0.05 / (1 + k / 200) * spsa_estimate(runs["spsa"], rng, 0.05)
    runs["es"] -= 0.15 * es_estimate(runs["es"], rng, 0.1, 12)
