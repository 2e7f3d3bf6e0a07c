import numpy as np

rng = np.random.default_rng(322)


class BatchNorm:
    def __init__(self, width, keep=0.9):
        self.gamma, self.beta = np.ones(width), np.zeros(width)
        self.mean, self.var, self.keep = np.zeros(width), np.ones(width), keep

    def forward(self, x, training=True):
        if training:
            mu, var = x.mean(axis=0), x.var(axis=0)
            self.mean = self.keep * self.mean + (1 - self.keep) * mu
            self.var = self.keep * self.var + (1 - self.keep) * var
        else:
            mu, var = self.mean, self.var
        self.inv = 1 / np.sqrt(var + 1e-5)
        self.xhat = (x - mu) * self.inv
        return self.gamma * self.xhat + self.beta

    def backward(self, dy):
        m = len(dy)
        self.dbeta = dy.sum(axis=0)
        self.dgamma = np.einsum("ij,ij->j", dy, self.xhat)
        return self.gamma * self.inv / m * (m * dy - self.dbeta - self.xhat * self.dgamma)


class Affine:
    def __init__(self, i, o):
        self.W = rng.normal(size=(i, o)) * np.sqrt(2 / i)

    def forward(self, x, training=True):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = self.x.T @ dy
        return dy @ self.W.T


class Rectifier:
    def forward(self, x, training=True):
        self.alive = x > 0
        return x * self.alive

    def backward(self, dy):
        return dy * self.alive


def forward(layers, x, training=True):
    for layer in layers:
        x = layer.forward(x, training)
    return x


# growth of a plant from light, water, soil
x = np.column_stack((rng.uniform(0, 100, 180), rng.normal(20, 4, 180), rng.exponential(0.1, 180)))
y = np.tanh((x[:, :1] - 50) / 30) * np.minimum(x[:, 1:2] / 20, 1) + 2 * x[:, 2:]

layers = [BatchNorm(3), Affine(3, 14), BatchNorm(14), Rectifier(), Affine(14, 1)]
rate, losses = 0.1, []
for epoch in range(40):
    for rows in np.array_split(rng.permutation(180), 6):
        out = forward(layers, x[rows])
        grad = (out - y[rows]) / len(rows)
        for layer in layers[::-1]:
            grad = layer.backward(grad)
        for layer in layers:
            for name in ("W", "gamma", "beta"):
                if hasattr(layer, name):
                    setattr(layer, name, getattr(layer, name) - rate * getattr(layer, "d" + name))
    losses.append(0.5 * np.mean((forward(layers, x, training=False) - y) ** 2))
    if epoch % 10 == 0:
        print("epoch %2d  loss with running statistics %.4f" % (epoch, losses[-1]))
