import numpy as np


class Perceptrons:
    """layers in lists; backprop of one sample at a time, gradients summed over a small batch"""

    def __init__(self, widths, seed=3):
        rng = np.random.RandomState(seed)
        self.mats = [rng.randn(o, i) / np.sqrt(i) for i, o in zip(widths, widths[1:])]
        self.offs = [np.zeros((o, 1)) for o in widths[1:]]

    def squash(self, v):
        return 1.0 / (1.0 + np.exp(-v))

    def forward(self, x):
        acts = [x]
        for M, o in zip(self.mats, self.offs):
            acts.append(self.squash(np.dot(M, acts[-1]) + o))
        return acts

    def gradient(self, x, t):
        acts = self.forward(x)
        gm = [None] * len(self.mats)
        go = [None] * len(self.offs)
        delta = (acts[-1] - t) * acts[-1] * (1 - acts[-1])
        gm[-1], go[-1] = np.dot(delta, acts[-2].T), delta
        for l in range(2, len(self.mats) + 1):
            delta = np.dot(self.mats[-l + 1].T, delta) * acts[-l] * (1 - acts[-l])
            gm[-l], go[-l] = np.dot(delta, acts[-l - 1].T), delta
        return gm, go

    def learn(self, batch, eta):
        sm = [np.zeros_like(M) for M in self.mats]
        so = [np.zeros_like(o) for o in self.offs]
        for x, t in batch:
            gm, go = self.gradient(x, t)
            sm = [s + g for s, g in zip(sm, gm)]
            so = [s + g for s, g in zip(so, go)]
        self.mats = [M - eta / len(batch) * s for M, s in zip(self.mats, sm)]
        self.offs = [o - eta / len(batch) * s for o, s in zip(self.offs, so)]


rng = np.random.RandomState(0)
pairs = []
for _ in range(24):
    x = rng.rand(3, 1)
    pairs.append((x, np.array([[float(x.sum() > 1.5)], [float(x[0, 0] > x[1, 0])]])))
net = Perceptrons([3, 5, 2])
for epoch in range(12):
    order = rng.permutation(len(pairs))
    for start in range(0, len(pairs), 6):
        net.learn([pairs[i] for i in order[start : start + 6]], 2.0)
    print(epoch, np.mean([np.sum((net.forward(x)[-1] - t) ** 2) for x, t in pairs]))
