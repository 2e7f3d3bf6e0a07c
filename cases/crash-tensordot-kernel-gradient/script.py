import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Conv2D:
    def __init__(self, filters, size, rng):
        self.K = rng.normal(0, 1.0 / size, (size, size, filters))
        self.b = np.zeros(filters)

    def forward(self, images):
        size = self.K.shape[0]
        # (batch, rows, columns, size, size)
        self.windows = sliding_window_view(images, (size, size), axis=(1, 2))
        return np.tensordot(self.windows, self.K, axes=((3, 4), (0, 1))) + self.b

    def backward(self, d):
        self.dK = np.tensordot(self.windows, d, axes=((0, 1, 3), (0, 1, 2)))
        self.db = d.sum(axis=(0, 1, 2))


class GlobalMax:
    def forward(self, maps):
        self.shape = maps.shape
        flat = maps.reshape(maps.shape[0], -1, maps.shape[3])
        self.where = flat.argmax(axis=1)
        return flat.max(axis=1)

    def backward(self, d):
        flat = np.zeros((self.shape[0], self.shape[1] * self.shape[2], self.shape[3]))
        np.put_along_axis(flat, self.where[:, None, :], d[:, None, :], axis=1)
        return flat.reshape(self.shape)


class Linear:
    def __init__(self, n_in, n_out, rng):
        self.W = rng.normal(0, 0.5, (n_in, n_out))

    def forward(self, x):
        self.x = x
        return x.dot(self.W)

    def backward(self, d):
        self.dW = self.x.T.dot(d)
        return d.dot(self.W.T)


def make_image(kind, rng):
    img = 0.1 * rng.normal(size=(6, 7))
    r, c = rng.integers(0, 4), rng.integers(0, 5)
    if kind:
        img[r:r + 3, c] += 1           # little vertical stroke
    else:
        img[r, c:c + 3] += 1           # little horizontal stroke
    return img


rng = np.random.default_rng(33)
kinds = rng.integers(0, 2, 60)
images = np.stack([make_image(k, rng) for k in kinds])

conv, pool, top = Conv2D(4, 3, rng), GlobalMax(), Linear(4, 2, rng)
losses = []
for it in range(80):
    z = top.forward(pool.forward(conv.forward(images)))
    z -= z.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    losses.append(-np.log(p[np.arange(60), kinds]).mean())
    p[np.arange(60), kinds] -= 1
    conv.backward(pool.backward(top.backward(p / 60)))
    top.W -= 0.3 * top.dW
    conv.K -= 0.3 * conv.dK
    conv.b -= 0.3 * conv.db
print("loss %.3f -> %.3f" % (losses[0], losses[-1]))
