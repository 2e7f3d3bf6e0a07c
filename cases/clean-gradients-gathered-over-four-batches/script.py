import numpy as np

np.random.seed(310)
EVERY = 4


class Model:
    def __init__(self):
        self.params = [np.random.randn(6, 12) * 0.4, np.zeros(12), np.random.randn(12, 3) * 0.3, np.zeros(3)]
        self.zero()

    def zero(self):
        self.grads = [np.zeros_like(p) for p in self.params]
        self.seen = 0

    def loss_and_accumulate(self, x, t):
        W, b, V, c = self.params
        z = x @ W + b
        h = np.where(z > 0, z, 0.01 * z)
        s = h @ V + c
        s = s - s.max(axis=1, keepdims=True)
        logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
        rows = np.arange(len(t))

        ds = np.exp(logp)
        ds[rows, t] -= 1
        dh = ds @ V.T
        dz = np.where(z > 0, dh, 0.01 * dh)
        # sums, not means: the number of samples is divided out when the step is made
        for g, new in zip(self.grads, (x.T @ dz, dz.sum(0), h.T @ ds, ds.sum(0))):
            g += new
        self.seen += len(x)
        return -logp[rows, t].sum()

    def step(self, rate):
        for p, g in zip(self.params, self.grads):
            p -= rate * g / self.seen
        self.zero()


kind = np.random.randint(0, 3, 240)
x = np.random.randn(3, 6)[kind] + 0.8 * np.random.randn(240, 6)

model = Model()
curve = []
for epoch in range(25):
    total = 0.0
    order = np.random.permutation(240)
    for i, rows in enumerate(np.array_split(order, 24), start=1):
        total += model.loss_and_accumulate(x[rows], kind[rows])
        if i % EVERY == 0:
            model.step(0.5)
    curve.append(total / 240)
    if epoch % 5 == 0:
        print("epoch %2d  loss %.4f" % (epoch, curve[-1]))
