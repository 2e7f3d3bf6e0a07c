import numpy as np


class Dense:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out) * np.sqrt(2 / n_in)
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return np.matmul(x, self.W) + self.b

    def backward(self, d):
        self.dW = np.matmul(self.x.T, d)
        self.db = np.sum(d, axis=0)
        return np.matmul(d, self.W.T)

    def update(self, lr):
        self.W -= lr * self.dW
        self.b -= lr * self.db


class Relu:
    def forward(self, x):
        self.on = x > 0
        return x * self.on

    def backward(self, d):
        return d * self.on

    def update(self, lr):
        pass


class SoftmaxLoss:
    def forward(self, scores, y):
        e = np.exp(scores - np.max(scores, axis=1, keepdims=True))
        self.p = e / np.sum(e, axis=1, keepdims=True)
        self.y = y
        return -np.mean(np.log(self.p[np.arange(len(y)), y]))

    def backward(self):
        d = self.p.copy()
        d[np.arange(len(self.y)), self.y] -= 1
        return d / len(self.y)
