"""GRU, 'reset after' variant (cuDNN / Keras): n = tanh(W x + b + r * (U h + d)).  Teacher forcing on a sine wave."""
import numpy as np

rng = np.random.RandomState(42)
n_h, T, N = 12, 20, 16


def sigmoid(v):
    return 1.0 / (1.0 + np.exp(-v))


class GRU:
    def __init__(self):
        k = 1 / np.sqrt(n_h)
        self.Wx = rng.uniform(-k, k, (1, 3 * n_h))          # columns: z | r | n
        self.Uh = rng.uniform(-k, k, (n_h, 3 * n_h))
        self.bx = np.zeros(3 * n_h)
        self.bu = np.zeros(3 * n_h)
        self.Wo = rng.uniform(-k, k, (n_h, 1))
        self.bo = np.zeros(1)
        self.names = ["Wx", "Uh", "bx", "bu", "Wo", "bo"]

    def step(self, x, h):
        a = x @ self.Wx + self.bx
        u = h @ self.Uh + self.bu
        z = sigmoid(a[:, :n_h] + u[:, :n_h])
        r = sigmoid(a[:, n_h:2 * n_h] + u[:, n_h:2 * n_h])
        un = u[:, 2 * n_h:]
        n = np.tanh(a[:, 2 * n_h:] + r * un)
        return z * h + (1 - z) * n, (x, h, z, r, n, un)

    def loss_grads(self, X, Y):
        h, store, loss = np.zeros((len(X), n_h)), [], 0.0
        for t in range(T):
            h, cache = self.step(X[:, t:t + 1], h)
            e = h @ self.Wo + self.bo - Y[:, t:t + 1]
            loss += np.sum(e ** 2) / (len(X) * T)
            store.append((cache, h, e))
        g = {k: np.zeros_like(getattr(self, k)) for k in self.names}
        dh = 0.0
        for (x, hp, z, r, n, un), hh, e in reversed(store):
            de = 2 * e / (len(X) * T)
            g["Wo"] += hh.T @ de
            g["bo"] += de.sum(0)
            dh = dh + de @ self.Wo.T
            dz = dh * (hp - n) * z * (1 - z)
            dn = dh * (1 - z) * (1 - n ** 2)
            dr = dn * un * r * (1 - r)
            da = np.hstack([dz, dr, dn])
            du = np.hstack([dz, dr, dn * r])              # same except that the reset gate stands in front
            g["Wx"] += x.T @ da
            g["bx"] += da.sum(0)
            g["Uh"] += hp.T @ du
            g["bu"] += du.sum(0)
            dh = dh * z + du @ self.Uh.T
        return loss, g


def waves(n):
    phase, freq = rng.uniform(0, 2 * np.pi, (n, 1)), rng.uniform(.2, .5, (n, 1))
    w = np.sin(phase + freq * np.arange(T + 1))
    return w[:, :-1], w[:, 1:]


net = GRU()
vel = {k: 0.0 for k in net.names}
for it in range(301):
    loss, g = net.loss_grads(*waves(N))
    norm = np.sqrt(sum((v ** 2).sum() for v in g.values()))
    for k in net.names:
        vel[k] = 0.9 * vel[k] - 0.05 * g[k] / max(1, norm)
        setattr(net, k, getattr(net, k) + vel[k])
    if it % 60 == 0:
        print(it, "loss %.5f" % loss)
