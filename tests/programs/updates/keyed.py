import numpy as np


def start(sizes, seed):
    rng = np.random.RandomState(seed)
    p = {}
    for k in range(1, len(sizes)):
        p["V%d" % k] = rng.randn(sizes[k], sizes[k - 1]) * 0.5
        p["u%d" % k] = np.zeros((sizes[k], 1))
    return p


def run(p, x):
    saved = {"o0": x}
    for k in range(1, len(p) // 2 + 1):
        saved["o%d" % k] = np.tanh(np.dot(p["V%d" % k], saved["o%d" % (k - 1)]) + p["u%d" % k])
    return saved


def slopes(p, saved, t):
    last = len(p) // 2
    m = t.shape[1]
    g = {}
    d = (saved["o%d" % last] - t) * (1 - saved["o%d" % last] ** 2)
    for k in range(last, 0, -1):
        g["V%d" % k] = np.dot(d, saved["o%d" % (k - 1)].T) / m
        g["u%d" % k] = np.sum(d, axis=1, keepdims=True) / m
        d = np.dot(p["V%d" % k].T, d) * (1 - saved["o%d" % (k - 1)] ** 2)
    return g


def moved(p, g, memory, rate, drag):
    for key in p:
        memory[key] = drag * memory[key] + g[key]
        p[key] = p[key] - rate * memory[key]
    return p


rng = np.random.RandomState(1)
x = rng.uniform(-1, 1, (2, 50))
t = 0.8 * np.sin(2 * x[:1]) * x[1:]
p = start([2, 7, 5, 1], 4)
memory = {key: np.zeros_like(value) for key, value in p.items()}
for i in range(150):
    saved = run(p, x)
    cost = np.sum((saved["o3"] - t) ** 2) / (2 * t.shape[1])
    g = slopes(p, saved, t)
    p = moved(p, g, memory, 0.3, 0.9)
    if i % 50 == 0:
        print("%d: %.5f" % (i, cost))
