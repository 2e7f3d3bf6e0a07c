import numpy as np

rng = np.random.RandomState(160)


class NeuralNet:
    def __init__(self, n_input, n_hidden, n_output):
        self.syn0 = 2 * rng.random_sample((n_input, n_hidden)) - 1
        self.syn1 = 2 * rng.random_sample((n_hidden, n_output)) - 1
        self.bias0 = 2 * rng.random_sample(n_hidden) - 1
        self.bias1 = 2 * rng.random_sample(n_output) - 1

    def nonlin(self, x, deriv=False):
        if deriv:
            return x * (1 - x)
        return 1 / (1 + np.exp(-x))

    def think(self, l0):
        l1 = self.nonlin(np.dot(l0, self.syn0) + self.bias0)
        l2 = self.nonlin(np.dot(l1, self.syn1) + self.bias1)
        return l1, l2

    def train(self, X, y, rounds, alpha):
        for j in range(rounds):
            l0 = X
            l1, l2 = self.think(l0)
            l2_error = y - l2
            if j % (rounds // 5) == 0:
                print("Error:", np.mean(np.abs(l2_error)).round(4))
            l2_delta = l2_error * self.nonlin(l2, deriv=True)
            l1_error = l2_delta.dot(self.syn1.T)
            l1_delta = l1_error * self.nonlin(l1, deriv=True)

            self.syn1 += alpha * l1.T.dot(l2_delta)
            self.syn0 += alpha * l0.T.dot(l1_delta)
            self.bias1 += alpha * l2_delta.sum(axis=0)


# exactly one of three switches is on
X = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], dtype=float)
y = (X.sum(axis=1) == 1).astype(float).reshape(-1, 1)
net = NeuralNet(3, 5, 1)
net.train(X, y, 1500, 1.0)
print("Output:", net.think(X)[1].ravel().round(2))
