import numpy as np


class Rete:
    def __init__(self, ingressi, nascosti, uscite):
        caso = np.random.RandomState(58)
        self.W1 = caso.normal(0, 0.6, (nascosti, ingressi))
        self.b1 = np.zeros((nascosti, 1))
        self.W2 = caso.normal(0, 0.6, (uscite, nascosti))
        self.b2 = np.zeros((uscite, 1))

    def avanti(self, X):
        self.X = X
        self.Z1 = np.multiply(self.W1, X) + self.b1
        self.A1 = 1 / (1 + np.exp(-self.Z1))
        self.Z2 = np.dot(self.W2, self.A1) + self.b2
        return self.Z2

    def indietro(self, errore):
        m = errore.shape[1]
        self.dW2 = np.dot(errore, self.A1.T) / m
        self.db2 = np.mean(errore, axis=1, keepdims=True)
        dZ1 = np.multiply(np.dot(self.W2.T, errore), np.multiply(self.A1, 1 - self.A1))
        self.dW1 = np.dot(dZ1, self.X.T) / m
        self.db1 = np.mean(dZ1, axis=1, keepdims=True)

    def aggiorna(self, passo):
        self.W1 -= passo * self.dW1
        self.b1 -= passo * self.db1
        self.W2 -= passo * self.dW2
        self.b2 -= passo * self.db2


caso = np.random.RandomState(59)
# quattro stazioni meteo, temperatura di domani in due citta
X = caso.randn(4, 35)
Y = np.vstack((X[0] + 0.5 * X[1], np.tanh(X[2]) - X[3]))

rete = Rete(4, 6, 2)
errori = []
for epoca in range(500):
    errore = rete.avanti(X) - Y
    errori.append(0.5 * np.sum(errore ** 2) / X.shape[1])
    rete.indietro(errore)
    rete.aggiorna(0.3)
    if epoca % 100 == 0:
        print("epoca", epoca, "errore", errori[-1])
print("errore finale", errori[-1])
