import numpy as np

np.random.seed(231)
x = np.linspace(-3, 3, 80)[:, None]
y = np.exp(-x ** 2) + 0.3 * x

w1, b1 = np.random.randn(1, 10), np.random.randn(10)
w2, b2 = np.random.randn(10, 1) * 0.3, np.zeros(1)

for epoch in range(300):
    order = np.random.permutation(80)
    for k in range(0, 80, 20):
        xb, yb = x[order[k:k + 20]], y[order[k:k + 20]]
        h = np.tanh(xb @ w1 + b1)
        error = h @ w2 + b2 - yb

        d_w2 = h.T @ error / 20
        d_b2 = error.mean(axis=0)
        d_h = error @ w2.T * (1 - h ** 2)
        d_w1 = x[k:k + 20].T @ d_h / 20
        d_b1 = d_h.mean(axis=0)

        w2 -= 0.2 * d_w2
        b2 -= 0.2 * d_b2
        w1 -= 0.2 * d_w1
        b1 -= 0.2 * d_b1

fit = np.tanh(x @ w1 + b1) @ w2 + b2
print("worst point off by %.3f" % np.abs(fit - y).max())
