import numpy as np


class Sorter:
    """sorts parcels by (weight, volume) into three lanes; used to work with one parcel at a time"""

    def __init__(self):
        gen = np.random.RandomState(18)
        self.W = gen.randn(2, 4)
        self.bw = np.zeros(4)
        self.U = gen.randn(4, 3)
        self.bu = np.zeros(3)

    def forward(self, x):
        self.x = x
        self.h = 1 / (1 + np.exp(-(np.dot(x, self.W) + self.bw)))
        self.o = 1 / (1 + np.exp(-(np.dot(self.h, self.U) + self.bu)))
        return self.o

    def learn(self, x, t, lr):
        n = len(x)
        err = self.forward(x) - t
        delta_o = err * self.o * (1 - self.o)
        delta_h = np.dot(delta_o, self.U.T) * self.h * (1 - self.h)
        self.U -= lr / n * np.dot(self.h.T, delta_o)
        self.bu -= lr / n * delta_o.sum(axis=0)
        self.W -= lr / n * np.dot(self.x.T, delta_h)
        self.bw -= lr / n * delta_h.sum(axis=0)
        return 0.5 * np.sum(err ** 2) / n


gen = np.random.RandomState(19)
parcels = gen.uniform(0, 1, (160, 2))
lane = np.where(parcels.sum(axis=1) > 1.2, 2, np.where(parcels[:, 0] > 0.5, 1, 0))
t = np.eye(3)[lane]
parcels = 4 * parcels - 2

s = Sorter()
losses = []
for epoch in range(80):
    perm = gen.permutation(160)
    for part in np.split(perm, 10):
        last = s.learn(parcels[part], t[part], 3.0)
    losses.append(0.5 * np.sum((s.forward(parcels) - t) ** 2) / 160)
    if epoch % 20 == 0:
        print("epoch", epoch, "loss", round(losses[-1], 4))
print("sorted correctly:", np.mean(s.forward(parcels).argmax(1) == lane))
