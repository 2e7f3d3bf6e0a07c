import numpy as np

np.random.seed(110)


class Elman:
    def __init__(self, n_in, n_state):
        self.Wx = np.random.randn(n_state, n_in) * 0.5
        self.Ws = np.random.randn(n_state, n_state) * 0.3
        self.b = np.zeros((n_state, 1))
        self.Wy = np.random.randn(1, n_state) * 0.5
        self.c = np.zeros((1, 1))

    def forward(self, xs):
        self.xs = xs
        self.s = {-1: np.zeros_like(self.b)}
        ys = {}
        for t, x in enumerate(xs):
            self.s[t] = np.tanh(self.Wx @ x + self.Ws @ self.s[t - 1] + self.b)
            ys[t] = self.Wy @ self.s[t] + self.c
        return ys

    def backward(self, errors):
        self.grads = {name: np.zeros_like(getattr(self, name)) for name in ("Wx", "Ws", "b", "Wy", "c")}
        ds_next = np.zeros_like(self.b)
        for t in reversed(range(len(self.xs))):
            self.grads["Wy"] += errors[t] @ self.s[t].T
            self.grads["c"] += errors[t]
            ds = self.Wy.T @ errors[t]
            dz = ds * (1 - self.s[t] ** 2)
            self.grads["Wx"] += dz @ self.xs[t].T
            self.grads["Ws"] += dz @ self.s[t - 1].T
            self.grads["b"] += dz
            ds_next = self.Ws.T @ dz

    def step(self, rate):
        for name, g in self.grads.items():
            np.clip(g, -2, 2, out=g)
            setattr(self, name, getattr(self, name) - rate * g)


# echo the input of two steps ago
net = Elman(1, 8)
means = []
for sequence in range(400):
    xs = np.random.randint(0, 2, (8, 1, 1)).astype(float)
    ys = net.forward(xs)
    errors = {t: (ys[t] - xs[t - 2]) if t >= 2 else np.zeros((1, 1)) for t in range(8)}
    means.append(sum(0.5 * float(e[0, 0]) ** 2 for e in errors.values()) / 6)
    net.backward(errors)
    net.step(0.05)
    if sequence % 100 == 99:
        print("sequences %3d  loss %.4f" % (sequence + 1, np.mean(means[-100:])))
