import numpy as np


class RBFNet:
    def __init__(self, centres, seed):
        r = np.random.RandomState(seed)
        self.c = centres.copy()                 # (k, d)
        self.beta = np.full(len(centres), 1.5)  # (k,)
        self.w = r.randn(len(centres)) * 0.3    # (k,)
        self.b = 0.0

    def predict(self, x):
        self.diff = x[:, None, :] - self.c[None, :, :]
        self.d2 = (self.diff ** 2).sum(axis=2)
        self.phi = np.exp(-self.beta * self.d2)
        return self.phi @ self.w + self.b

    def step(self, x, y, lr):
        e = self.predict(x) - y
        n = len(x)
        g_w = self.phi.T @ e / n
        g_b = e.mean()
        g_phi = np.outer(e, self.w) / n
        g_beta = (g_phi * self.phi * -self.d2).sum(axis=0)
        scale = g_phi * self.phi * 2 * self.beta
        g_c = (scale[:, :, None] * self.diff).sum(axis=0)
        self.w -= lr * g_w
        self.b -= lr * g_b
        self.beta -= lr * g_beta
        self.c -= lr * g_c
        return 0.5 * np.mean(e ** 2)


rs = np.random.RandomState(5)
x = rs.uniform(-2, 2, (150, 2))
y = np.sin(2 * x[:, 0]) * np.cos(x[:, 1])

net = RBFNet(x[:12], seed=1)
trace = [net.step(x, y, 0.3) for _ in range(500)]
print("half mse: %.4f -> %.4f" % (trace[0], trace[-1]))
print("bias", round(net.b, 3))
