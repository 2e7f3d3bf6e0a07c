import numpy as np


class Netz:
    def __init__(self, eingaben, verborgen, ausgaben, lernrate=0.5):
        np.random.seed(42)
        self.wih = np.random.normal(0.0, eingaben ** -0.5, (eingaben, verborgen))
        self.who = np.random.normal(0.0, verborgen ** -0.5, (verborgen, ausgaben))
        self.bih = np.zeros(verborgen)
        self.bho = np.zeros(ausgaben)
        self.lr = lernrate

    @staticmethod
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    @staticmethod
    def sigmoid_derivative(x):
        return x * (1 - x)

    def vorwaerts(self, x):
        self.h = self.sigmoid(x @ self.wih + self.bih)
        return self.sigmoid(self.h @ self.who + self.bho)

    def train(self, x, ziel):
        o = self.vorwaerts(x)
        fehler = ziel - o
        delta_o = fehler * self.sigmoid_derivative(o)
        delta_h = delta_o.dot(self.who.T) * self.sigmoid_derivative(self.h)
        self.who += self.lr * self.h.T.dot(delta_o) / len(x)
        self.bho += self.lr * delta_o.mean(axis=0)
        self.wih += self.lr * x.T.dot(delta_h) / len(x)
        self.bih += self.lr * delta_h.mean(axis=0)
        return np.abs(fehler).mean()


# fuenf Merkmale, drei Sorten
sorte = np.random.RandomState(0).randint(0, 3, 101)
muster = np.random.RandomState(1).randn(3, 5) * 1.5
x = muster[sorte] + np.random.RandomState(2).randn(101, 5) * 0.6
ziel = np.zeros((101, 3))
ziel[np.arange(101), sorte] = 1

netz = Netz(5, 8, 3, lernrate=2.0)
verlauf = []
for epoche in range(40):
    fehler = [netz.train(x[i:i + 10], ziel[i:i + 10]) for i in range(0, 101, 10)]
    verlauf.append(np.mean(fehler))
print("mittlerer Fehler: %.3f -> %.3f" % (verlauf[0], verlauf[-1]))
print("richtig: %.2f" % (netz.vorwaerts(x).argmax(1) == sorte).mean())
