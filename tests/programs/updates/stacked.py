import numpy as np

rng = np.random.default_rng(8)


class Affine:
    def __init__(self, n_in, n_out):
        self.K = rng.normal(0, np.sqrt(1 / n_in), (n_in, n_out))
        self.s = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.K + self.s

    def backward(self, top):
        self.gK = self.x.T @ top
        self.gs = top.sum(axis=0)
        below = top @ self.K.T
        return below

    def params(self):
        return [(self, "K", "gK"), (self, "s", "gs")]


class Relu:
    def forward(self, x):
        self.on = x > 0
        return x * self.on

    def backward(self, top):
        return top * self.on

    def params(self):
        return []


class Descent:
    def __init__(self, net, rate):
        self.net = net
        self.rate = rate

    def step(self):
        for part in self.net:
            for owner, name, grad in part.params():
                setattr(owner, name, getattr(owner, name) - self.rate * getattr(owner, grad))


def softmax_loss(scores, labels):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(labels)), labels]).mean()
    d = p.copy()
    d[np.arange(len(labels)), labels] -= 1
    return loss, d / len(labels)


points = rng.normal(size=(60, 2))
labels = (points[:, 0] * points[:, 1] > 0).astype(int) + (points[:, 0] > 1)
net = [Affine(2, 6), Relu(), Affine(6, 6), Relu(), Affine(6, 3)]
opt = Descent(net, 0.3)
for it in range(80):
    h = points
    for part in net:
        h = part.forward(h)
    loss, d = softmax_loss(h, labels)
    for part in reversed(net):
        d = part.backward(d)
    opt.step()
    if it % 20 == 0:
        print(it, loss)
