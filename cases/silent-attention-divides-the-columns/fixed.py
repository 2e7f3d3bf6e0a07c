import numpy as np

STEPS, WIDTH = 6, 4


class SelfAttention:
    def __init__(self, width, seed):
        rng = np.random.RandomState(seed)
        self.Q = rng.randn(width, width) * 0.5
        self.K = rng.randn(width, width) * 0.5
        self.V = rng.randn(width, width) * 0.5

    def forward(self, x):
        self.x = x
        self.q, self.k, self.v = x @ self.Q, x @ self.K, x @ self.V
        s = self.q @ self.k.T / np.sqrt(x.shape[1])
        e = np.exp(s - s.max(axis=1, keepdims=True))
        self.a = e / e.sum(axis=1, keepdims=True)
        return self.a @ self.v

    def backward(self, dy):
        dv = self.a.T @ dy
        da = dy @ self.v.T
        ds = self.a * (da - (da * self.a).sum(axis=1, keepdims=True))
        ds /= np.sqrt(self.x.shape[1])
        return {"Q": self.x.T @ (ds @ self.k), "K": self.x.T @ (ds.T @ self.q), "V": self.x.T @ dv}


rng = np.random.RandomState(16)


def task():
    """every position should output the mean of the sequence"""
    x = rng.randn(STEPS, WIDTH)
    return x, np.tile(x.mean(axis=0), (STEPS, 1))


att = SelfAttention(WIDTH, 7)
history = []
for it in range(500):
    x, target = task()
    diff = att.forward(x) - target
    history.append(np.mean(diff ** 2))
    grads = att.backward(2 * diff / diff.size)
    for name, g in grads.items():
        setattr(att, name, getattr(att, name) - 0.3 * g)
    if it % 100 == 99:
        print("sequences %d, mse of the last hundred %.4f" % (it + 1, np.mean(history[-100:])))
