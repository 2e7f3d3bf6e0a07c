import numpy as np

np.random.seed(15)


class Softmax:
    def __call__(self, z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.s = e / e.sum(axis=1, keepdims=True)
        return self.s

    def grad(self, upstream):
        return upstream * self.s * (1 - self.s)


class Dense:
    def __init__(self, fan_in, fan_out):
        self.w = np.random.randn(fan_in, fan_out) / np.sqrt(fan_in)
        self.b = np.zeros(fan_out)

    def __call__(self, x):
        self.x = x
        return x.dot(self.w) + self.b

    def grad(self, upstream):
        self.gw = self.x.T.dot(upstream)
        self.gb = upstream.sum(axis=0)
        return upstream.dot(self.w.T)

    def step(self, rate):
        self.w -= rate * self.gw
        self.b -= rate * self.gb


class Tanh:
    def __call__(self, z):
        self.a = np.tanh(z)
        return self.a

    def grad(self, upstream):
        return upstream * (1 - self.a * self.a)


def brier(p, y):
    """mean squared distance between probabilities and one-hot labels"""
    return ((p - y) ** 2).sum(axis=1).mean()


# which of three levers was pulled, from four noisy gauges
lever = np.random.randint(0, 3, 120)
gauges = np.random.randn(3, 4)[lever] + 0.6 * np.random.randn(120, 4)
y = np.eye(3)[lever]

model = [Dense(4, 7), Tanh(), Dense(7, 3), Softmax()]
scores = []
for epoch in range(300):
    out = gauges
    for layer in model:
        out = layer(out)
    scores.append(brier(out, y))
    flow = 2 * (out - y) / len(y)
    for layer in model[::-1]:
        flow = layer.grad(flow)
    for layer in (model[0], model[2]):
        layer.step(0.8)
    if epoch % 75 == 0:
        print("epoch %d: brier score %.4f" % (epoch, scores[-1]))
