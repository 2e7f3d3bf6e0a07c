import numpy as np


class Net:
    def __init__(self, sizes, seed=0):
        g = np.random.RandomState(seed)
        self.P = {}
        for l in range(1, len(sizes)):
            self.P['W%d' % l] = g.randn(sizes[l], sizes[l - 1]) * np.sqrt(2. / sizes[l - 1])
            self.P['b%d' % l] = np.full((sizes[l], 1), 0.01)
        self.L = len(sizes) - 1

    def forward(self, X):
        self.A = {0: X}
        for l in range(1, self.L + 1):
            Z = self.P['W%d' % l].dot(self.A[l - 1]) + self.P['b%d' % l]
            self.A[l] = Z * (Z > 0) if l < self.L else Z
        return self.A[self.L]

    def backward(self, Y):
        m = Y.shape[1]
        G, dZ = {}, (self.A[self.L] - Y) / m
        for l in reversed(range(1, self.L + 1)):
            G['W%d' % l] = dZ.dot(self.A[l - 1].T)
            G['b%d' % l] = dZ.sum(1, keepdims=True)
            if l > 1:
                dZ = self.P['W%d' % l].T.dot(dZ) * (self.A[l - 1] > 0)
        return G


def half_mse(out, Y):
    return ((out - Y) ** 2).sum() / (2 * Y.shape[1])


class LAMB:
    """You et al. 2019: Adam direction + decay, rescaled so each layer moves by lr * ||w||."""

    def __init__(self, lr=0.02, b1=.9, b2=.999, wd=1e-3):
        self.lr, self.b1, self.b2, self.wd = lr, b1, b2, wd
        self.m, self.v, self.t = {}, {}, 0

    def apply(self, P, G):
        self.t += 1
        for k in P:
            self.m[k] = self.b1 * self.m.get(k, 0) + (1 - self.b1) * G[k]
            self.v[k] = self.b2 * self.v.get(k, 0) + (1 - self.b2) * G[k] ** 2
            mh = self.m[k] / (1 - self.b1 ** self.t)
            vh = self.v[k] / (1 - self.b2 ** self.t)
            r = mh / (np.sqrt(vh) + 1e-6) + self.wd * P[k]
            wn, rn = np.linalg.norm(P[k]), np.linalg.norm(r)
            ratio = wn / rn if wn > 0 and rn > 0 else 1.0
            P[k] = P[k] - self.lr * ratio * r


np.random.seed(4)
X = np.random.randn(4, 256)
Y = np.vstack([X[0] * X[1], np.maximum(X[2], X[3])])
net, opt = Net([4, 20, 20, 2]), LAMB()
for i in range(500):
    opt.lr = 0.02 * (1 - i / 500)
    out = net.forward(X)
    if i % 100 == 0:
        print('%d %.5f' % (i, half_mse(out, Y)))
    opt.apply(net.P, net.backward(Y))
print('last %.5f' % half_mse(net.forward(X), Y))
