import numpy as np

rng = np.random.RandomState(11)
seen = rng.randn(40, 3)
wanted = (np.sin(seen[:, :1]) + seen[:, 1:2] * seen[:, 2:] > 0.2).astype(float)
A, a = rng.randn(3, 4) * 0.6, np.zeros((1, 4))
B, b = rng.randn(4, 4) * 0.6, np.zeros((1, 4))
C, c = rng.randn(4, 1) * 0.6, np.zeros((1, 1))
n = len(seen)
rate = 0.4
for turn in range(120):
    h1 = np.tanh(seen @ A + a)
    h2 = np.tanh(h1 @ B + b)
    out = 1 / (1 + np.exp(-(h2 @ C + c)))
    e3 = (out - wanted) / n
    gC = h2.T @ e3
    gc = e3.sum(axis=0, keepdims=True)
    e2 = e3 @ C.T * (1 - h2**2)
    gB = h1.T @ e2
    gb = e2.sum(axis=0, keepdims=True)
    e1 = e2 @ B.T * (1 - h1**2)
    gA = seen.T @ e1
    ga = e1.sum(axis=0, keepdims=True)
    C -= rate * gC
    c -= rate * gc
    B -= rate * gB
    b -= rate * gb
    A -= rate * gA
    a -= rate * ga
    if turn % 40 == 0:
        print(turn, -np.mean(wanted * np.log(out) + (1 - wanted) * np.log(1 - out)))
