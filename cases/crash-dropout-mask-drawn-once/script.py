import numpy as np


class DropoutNet:
    def __init__(self, n_in, n_hidden, n_out, batch=32, keep=0.8, seed=0):
        self.rng = np.random.RandomState(seed)
        self.W1 = self.rng.randn(n_in, n_hidden) * np.sqrt(2.0 / n_in)
        self.b1 = np.zeros(n_hidden)
        self.W2 = self.rng.randn(n_hidden, n_out) * np.sqrt(1.0 / n_hidden)
        self.b2 = np.zeros(n_out)
        self.keep = keep
        self.mask = (self.rng.rand(batch, n_hidden) < keep) / keep

    def forward(self, x, training=True):
        self.x = x
        self.z1 = x @ self.W1 + self.b1
        self.h = np.maximum(self.z1, 0)
        if training:
            self.h = self.h * self.mask
        scores = self.h @ self.W2 + self.b2
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, labels, lr):
        n = len(labels)
        d = self.p.copy()
        d[np.arange(n), labels] -= 1
        d /= n
        dh = (d @ self.W2.T) * self.mask
        dh[self.z1 <= 0] = 0
        # step right here, nobody else needs the gradients
        self.W2 -= lr * self.h.T @ d
        self.b2 -= lr * d.sum(axis=0)
        self.W1 -= lr * self.x.T @ dh
        self.b1 -= lr * dh.sum(axis=0)


def cross_entropy(p, labels):
    return -np.mean(np.log(p[np.arange(len(labels)), labels]))


rs = np.random.RandomState(3)
labels = rs.randint(0, 4, 200)
centres = rs.randn(4, 10) * 1.2
data = centres[labels] + rs.randn(200, 10)

net = DropoutNet(10, 24, 4)
log = []
for epoch in range(15):
    for k in range(0, 200, 32):
        net.forward(data[k:k + 32])
        net.backward(labels[k:k + 32], 0.2)
    log.append(cross_entropy(net.forward(data, training=False), labels))
    print("epoch", epoch, "cross entropy", round(log[-1], 4))
