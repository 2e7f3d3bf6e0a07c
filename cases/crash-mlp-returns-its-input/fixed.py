import numpy as np
from random import random, seed

seed(3)
np.random.seed(3)


class MLP:
    """red neuronal hecha a mano: entradas, capas ocultas, salidas"""

    def __init__(self, num_inputs, hidden_layers, num_outputs):
        capas = [num_inputs] + hidden_layers + [num_outputs]
        self.pesos = [np.random.randn(capas[i], capas[i + 1]) for i in range(len(capas) - 1)]
        self.bias = [np.random.randn(capas[i + 1]) for i in range(len(capas) - 1)]

        # guardar las activaciones de cada capa
        self.activaciones = [np.zeros(n) for n in capas]
        self.dW = [np.zeros((capas[i], capas[i + 1])) for i in range(len(capas) - 1)]
        self.db = [np.zeros(capas[i + 1]) for i in range(len(capas) - 1)]

    def _sigmoid(self, h):
        return 1 / (1 + np.exp(-h))

    def _sigmoid_derivative(self, a):
        return a * (1.0 - a)

    def forward_propagate(self, inputs):
        # the activation of the input layer is just the input itself
        salida = inputs
        self.activaciones[0] = salida

        for i, (b, w) in enumerate(zip(self.bias, self.pesos)):
            h = np.dot(self.activaciones[i], w) + b
            self.activaciones[i + 1] = self._sigmoid(h)
        return self.activaciones[-1]

    def back_propagate(self, error):
        for i in reversed(range(len(self.dW))):
            a = self.activaciones[i + 1]
            delta = error * self._sigmoid_derivative(a)
            delta_fila = delta.reshape(delta.shape[0], -1).T

            # la capa de antes, como columna
            previa = self.activaciones[i]
            previa = previa.reshape(previa.shape[0], -1)
            self.dW[i] = np.dot(previa, delta_fila)
            self.db[i] = delta

            error = np.dot(delta, self.pesos[i].T)

    def gradient_step(self, learning_rate):
        for i in range(len(self.pesos)):
            self.pesos[i] += learning_rate * self.dW[i]
            self.bias[i] += learning_rate * self.db[i]

    def train(self, inputs, targets, epochs, learning_rate):
        historia = []
        for i in range(epochs):
            suma = 0
            for j, entrada in enumerate(inputs):
                target = targets[j]
                output = self.forward_propagate(entrada)
                error = 2 * (target - output) / len(output)  # MSE
                self.back_propagate(error)
                self.gradient_step(learning_rate)
                suma += np.mean((target - output) ** 2)
            historia.append(suma / len(inputs))
            if i % 10 == 0:
                print("epoca %d: error %.5f" % (i, historia[-1]))
        return historia


# aprender la suma de dos numeros
items = np.array([[random() / 2 for _ in range(2)] for _ in range(150)])
targets = np.array([[i[0] + i[1]] for i in items])

mlp = MLP(2, [5], 1)
historia = mlp.train(items, targets, 40, 0.3)
print("0.3 + 0.1 =", mlp.forward_propagate(np.array([0.3, 0.1])))
