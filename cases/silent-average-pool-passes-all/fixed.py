import numpy as np

rng = np.random.default_rng(81)


def conv(x, k):
    """x: (batch, length), k: (filters, width) -> (batch, filters, length - width + 1)"""
    windows = np.lib.stride_tricks.sliding_window_view(x, k.shape[1], axis=1)
    return np.einsum("blw,fw->bfl", windows, k), windows


class Detector:
    def __init__(self, filters, width, length, pool):
        self.pool = pool
        self.k = rng.normal(size=(filters, width)) * 0.5
        self.kb = np.zeros(filters)
        self.w = rng.normal(size=(filters * ((length - width + 1) // pool), 1)) * 0.3
        self.wb = np.zeros(1)

    def forward(self, x):
        z, self.windows = conv(x, self.k)
        self.z = z + self.kb[:, None]
        a = np.maximum(self.z, 0)
        self.pooled = a.reshape(*a.shape[:2], -1, self.pool).mean(axis=3)
        self.flat = self.pooled.reshape(len(x), -1)
        self.out = 1 / (1 + np.exp(-(self.flat @ self.w + self.wb)))
        return self.out

    def backward(self, y):
        d = (self.out - y) / len(y)
        self.dw, self.dwb = self.flat.T @ d, d.sum(axis=0)
        d_pooled = (d @ self.w.T).reshape(self.pooled.shape)
        d_a = np.repeat(d_pooled, self.pool, axis=2) / self.pool
        d_z = d_a * (self.z > 0)
        self.dk = np.einsum("bfl,blw->fw", d_z, self.windows)
        self.dkb = d_z.sum(axis=(0, 2))

    def step(self, rate):
        self.k -= rate * self.dk
        self.kb -= rate * self.dkb
        self.w -= rate * self.dw
        self.wb -= rate * self.dwb


def cross_entropy(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


# is there a click in the noise
y = (np.arange(100) % 2).reshape(-1, 1).astype(float)
x = 0.4 * rng.normal(size=(100, 18))
for row, click in zip(x, y[:, 0]):
    if click:
        at = rng.integers(0, 14)
        row[at:at + 3] += [1.5, -2.0, 1.0]

net = Detector(3, 5, 18, 2)
history = []
for epoch in range(200):
    history.append(cross_entropy(net.forward(x), y))
    net.backward(y)
    net.step(0.5)
    if epoch % 50 == 0:
        print("epoch %3d  loss %.4f" % (epoch, history[-1]))
