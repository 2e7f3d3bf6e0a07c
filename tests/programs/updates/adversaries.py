import numpy as np

rng = np.random.RandomState(7)
g_w, g_b = rng.randn(2, 2) * 0.5, np.zeros((1, 2))
d_w1, d_b1 = rng.randn(2, 8) * 0.5, np.zeros((1, 8))
d_w2, d_b2 = rng.randn(8, 1) * 0.5, np.zeros((1, 1))


def judge(x):
    h = np.tanh(x @ d_w1 + d_b1)
    return h, 1 / (1 + np.exp(-(h @ d_w2 + d_b2)))


for turn in range(60):
    real = rng.randn(16, 2) * 0.3 + np.array([[1.0, -1.0]])
    noise = rng.randn(16, 2)
    fake = noise @ g_w + g_b
    x = np.vstack([real, fake])
    t = np.vstack([np.ones((16, 1)), np.zeros((16, 1))])
    h, p = judge(x)
    e = (p - t) / len(x)
    inner = e @ d_w2.T * (1 - h**2)
    d_w2 -= 0.3 * h.T @ e
    d_b2 -= 0.3 * e.sum(axis=0, keepdims=True)
    d_w1 -= 0.3 * x.T @ inner
    d_b1 -= 0.3 * inner.sum(axis=0, keepdims=True)
    noise = rng.randn(16, 2)
    fake = noise @ g_w + g_b
    h, p = judge(fake)
    e = (p - 1) / len(fake)
    below = (e @ d_w2.T * (1 - h**2)) @ d_w1.T
    g_w -= 0.1 * noise.T @ below
    g_b -= 0.1 * below.sum(axis=0, keepdims=True)
    if turn % 20 == 0:
        print(turn, float(p.mean()))
