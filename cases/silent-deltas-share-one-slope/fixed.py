import numpy as np

rng = np.random.RandomState(222)


class RedNeuronal:
    def __init__(self, capas):
        self.pesos = [rng.randn(a, b) / np.sqrt(a) for a, b in zip(capas, capas[1:])]
        self.sesgos = [np.zeros(b) for b in capas[1:]]

    def sigmoide(self, z):
        return 1 / (1 + np.exp(-z))

    def adelante(self, entrada):
        self.salidas = [entrada]
        for w, b in zip(self.pesos, self.sesgos):
            self.salidas.append(self.sigmoide(self.salidas[-1] @ w + b))
        return self.salidas[-1]

    def entrenar(self, entrada, objetivo, tasa):
        salida = self.adelante(entrada)
        delta = (salida - objetivo) * salida * (1 - salida)
        deltas = [delta]
        for i in range(len(self.pesos) - 1, 0, -1):
            a = self.salidas[i]
            delta = (delta @ self.pesos[i].T) * a * (1 - a)
            deltas.insert(0, delta)
        for i, delta in enumerate(deltas):
            self.pesos[i] -= tasa * self.salidas[i].T @ delta / len(entrada)
            self.sesgos[i] -= tasa * delta.mean(axis=0)


# siete segmentos de un reloj, uno de ellos falla a veces
segmentos = np.array([[int(c) for c in s] for s in
                      ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010")])
entrada = segmentos[rng.randint(0, 8, 200)].astype(float)
objetivo = entrada.copy()
entrada[np.arange(200), rng.randint(0, 7, 200)] = 0.5

red = RedNeuronal([7, 7, 7, 7])
for epoca in range(300):
    red.entrenar(entrada, objetivo, 3.0)
aciertos = np.mean((red.adelante(entrada) > 0.5) == (objetivo > 0.5))
print("segmentos bien leidos: %.3f" % aciertos)
