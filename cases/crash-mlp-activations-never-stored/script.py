import numpy as np

rng = np.random.default_rng(11)


class Perceptron3:
    def __init__(self, layers):
        self.layers = layers
        self.weights = []
        self.biases = []
        for i in range(len(layers) - 1):
            self.weights.append(rng.normal(0, 1, (layers[i], layers[i + 1])))
            self.biases.append(np.zeros((1, layers[i + 1])))

        # one slot per layer, filled on the way forward
        self.activations = []
        for i in range(len(layers)):
            self.activations.append(np.zeros(layers[i]))

        self.derW = []
        self.derb = []
        for i in range(len(layers) - 1):
            self.derW.append(np.zeros((layers[i], layers[i + 1])))
            self.derb.append(np.zeros((1, layers[i + 1])))

    def s(self, h):
        return 1.0 / (1.0 + np.exp(-h))

    def s_prime(self, a):
        return a * (1.0 - a)

    def forward_propagate(self, x):
        activations = x
        self.activations[0] = activations
        for i in range(len(self.weights)):
            net_inputs = np.dot(self.activations[i], self.weights[i]) + self.biases[i].ravel()
            self.s(net_inputs)
        return activations

    def back_propagate(self, error):
        # dE/dW_i = (y - a[i+1]) * s'(h[i+1]) * a[i]
        for i in range(len(self.weights) - 1, -1, -1):
            delta = error * self.s_prime(self.activations[i + 1])
            delta_re = delta.reshape(delta.shape[0], -1).T
            current = self.activations[i].reshape(self.activations[i].shape[0], -1)
            self.derW[i] = np.dot(current, delta_re)
            self.derb[i] = delta_re
            error = np.dot(delta, self.weights[i].T)
        return error


# do the two numbers add up to more than a half?
points = rng.random((120, 2)) / 2
labels = np.array([[1.0 if p.sum() > 0.5 else 0.0] for p in points])

net = Perceptron3([2, 5, 1])
epoch_error = []
for epoch in range(60):
    total = 0.0
    for x, y in zip(points, labels):
        out = net.forward_propagate(x)
        net.back_propagate(y - out)
        for k in range(len(net.weights)):
            net.weights[k] += 0.5 * net.derW[k]
            net.biases[k] += 0.5 * net.derb[k]
        total += float(np.sum((y - out) ** 2))
    epoch_error.append(total / len(points))

print("mean squared error %.4f -> %.4f" % (epoch_error[0], epoch_error[-1]))
