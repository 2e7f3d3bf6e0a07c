# Batch normalisation with running averages; bias-free linear layers before it (beta does the job).
import numpy as np

rng = np.random.RandomState(46)


class BatchNorm:
    def __init__(self, d, momentum=0.9):
        self.gamma, self.beta = np.ones(d), np.zeros(d)
        self.run_mean, self.run_var = np.zeros(d), np.ones(d)
        self.momentum = momentum

    def __call__(self, x, training):
        if not training:
            return self.gamma * (x - self.run_mean) / np.sqrt(self.run_var + 1e-5) + self.beta
        m = len(x)
        mean, var = x.mean(0), x.var(0)
        # unbiased variance only for the running estimate, the biased one normalises (as in the paper)
        self.run_mean = self.momentum * self.run_mean + (1 - self.momentum) * mean
        self.run_var = self.momentum * self.run_var + (1 - self.momentum) * var * m / (m - 1)
        self.std = np.sqrt(var + 1e-5)
        self.xn = (x - mean) / self.std
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        m = len(dout)
        self.dgamma = np.sum(dout * self.xn, axis=0)
        self.dbeta = np.sum(dout, axis=0)
        return self.gamma / (m * self.std) * (m * dout - self.dbeta - self.xn * self.dgamma)


def f(x, training):
    global x0, h1, r1, h2, r2
    x0 = x
    r1 = np.maximum(bn1(x @ W1, training), 0)
    r2 = np.maximum(bn2(r1 @ W2, training), 0)
    return r2 @ W3 + b3


W1 = rng.randn(6, 20) * .1
W2 = rng.randn(20, 20) * 3.0          # silly scales do not matter behind batch norm
W3, b3 = rng.randn(20, 3) * .2, np.zeros(3)
bn1, bn2 = BatchNorm(20), BatchNorm(20)

X = rng.randn(450, 6) * [1, 2, 3, .5, 1, 1] + [0, 5, 0, 0, -3, 0]
U = (X - [0, 5, 0, 0, -3, 0]) / [1, 2, 3, .5, 1, 1]
y = np.argmax(np.c_[U[:, 0] + U[:, 1] ** 2 - 1, U[:, 2] - U[:, 3], U[:, 4] * U[:, 5]], axis=1)
Xtr, ytr, Xva, yva = X[:350], y[:350], X[350:], y[350:]

for epoch in range(1, 61):
    losses = []
    for b in np.array_split(rng.permutation(350), 7):
        s = f(Xtr[b], True)
        s = s - s.max(1, keepdims=True)
        p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
        losses.append(-np.log(p[np.arange(len(b)), ytr[b]]).mean())
        p[np.arange(len(b)), ytr[b]] -= 1
        d3 = p / len(b)
        dW3, db3 = r2.T @ d3, d3.sum(0)
        d2 = bn2.backward((d3 @ W3.T) * (r2 > 0))
        dW2 = r1.T @ d2
        d1 = bn1.backward((d2 @ W2.T) * (r1 > 0))
        dW1 = x0.T @ d1
        lr = 0.5 if epoch < 45 else 0.1
        W1 -= lr * 0.2 * dW1; W2 -= lr * 5 * dW2; W3 -= lr * dW3; b3 -= lr * db3
        for bn in (bn1, bn2):
            bn.gamma -= lr * bn.dgamma
            bn.beta -= lr * bn.dbeta
    if epoch % 12 == 0:
        print("epoch %d loss %.4f val acc %.3f" % (epoch, np.mean(losses), (f(Xva, False).argmax(1) == yva).mean()))
