import numpy as np

rng = np.random.RandomState(31)


class Sommelier:
    """two hidden layers of tanh; is a wine worth its price?"""

    def __init__(self, widths):
        self.k1 = rng.randn(widths[0], widths[1]) / np.sqrt(widths[0])
        self.o1 = np.zeros((1, widths[1]))
        self.k2 = rng.randn(widths[1], widths[2]) / np.sqrt(widths[1])
        self.o2 = np.zeros((1, widths[2]))
        self.k3 = rng.randn(widths[2], widths[3]) / np.sqrt(widths[2])
        self.o3 = np.zeros((1, widths[3]))

    def taste(self, wine):
        self.first = np.tanh(wine @ self.k1 + self.o1)
        self.second = np.tanh(self.first @ self.k2 + self.o2)
        return 1 / (1 + np.exp(-(self.second @ self.k3 + self.o3)))

    def learn(self, wine, labels, rate):
        verdict = self.taste(wine)
        delta3 = (verdict - labels) / len(wine)
        delta2 = delta3 @ self.k3.T * (1 - self.second**2)
        delta1 = delta2 @ self.k2.T * (1 - self.first**2)
        self.k3 -= rate * self.second.T @ delta3
        self.o3 -= rate * delta3.sum(axis=0, keepdims=True)
        self.k2 -= rate * self.first.T @ delta2
        self.o2 -= rate * delta2.sum(axis=0, keepdims=True)
        self.k1 -= rate * wine.T @ delta1
        self.o1 -= rate * delta1.sum(axis=0, keepdims=True)
        return np.mean((verdict > 0.5) == labels)


# colour, sugar, acid and tannin, each around zero
wine = rng.randn(90, 4)
labels = (wine[:, :1] + wine[:, 3:] > wine[:, 1:2] ** 2 - 0.5).astype(float)
net = Sommelier([4, 8, 6, 1])
for evening in range(500):
    right = net.learn(wine, labels, 0.8)
    if evening % 100 == 0:
        print("right:", round(float(right), 3))
