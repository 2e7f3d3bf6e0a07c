# Restricted Boltzmann machine with CD-1.  The update is (data statistics - model statistics): an ascent
# direction, and not the gradient of the reconstruction error that is printed.
import numpy as np


class RBM:
    def __init__(self, num_visible, num_hidden, seed=1234):
        self.rs = np.random.RandomState(seed)
        self.weights = self.rs.uniform(-.1, .1, (num_visible, num_hidden))
        self.vb = np.zeros(num_visible)
        self.hb = np.zeros(num_hidden)
        self.dw = np.zeros_like(self.weights)

    def _logistic(self, x):
        return 1.0 / (1 + np.exp(-x))

    def train(self, data, max_epochs=200, learning_rate=0.1, momentum=0.5, cost=1e-4):
        n = len(data)
        for epoch in range(max_epochs):
            pos_hidden_probs = self._logistic(data @ self.weights + self.hb)
            pos_hidden_states = (pos_hidden_probs > self.rs.rand(*pos_hidden_probs.shape)).astype(float)
            pos_associations = data.T @ pos_hidden_probs

            neg_visible_probs = self._logistic(pos_hidden_states @ self.weights.T + self.vb)
            neg_hidden_probs = self._logistic(neg_visible_probs @ self.weights + self.hb)
            neg_associations = neg_visible_probs.T @ neg_hidden_probs

            self.dw = momentum * self.dw + learning_rate * ((pos_associations - neg_associations) / n - cost * self.weights)
            self.weights += self.dw
            self.vb += learning_rate * (data - neg_visible_probs).mean(axis=0)
            self.hb += learning_rate * (pos_hidden_probs - neg_hidden_probs).mean(axis=0)
            error = np.sum((data - neg_visible_probs) ** 2) / n
            if epoch % 100 == 0:
                print("Epoch %s: error is %.4f" % (epoch, error))
        return error

    def run_visible(self, v):
        return self._logistic(v @ self.weights + self.hb)


base = np.array([[1, 1, 1, 0, 0, 0], [1, 0, 1, 0, 0, 0], [0, 0, 1, 1, 1, 0], [0, 0, 1, 1, 0, 1]], dtype=float)
training_data = np.repeat(base, 5, axis=0)
r = RBM(num_visible=6, num_hidden=4)
print("last error %.4f" % r.train(training_data, max_epochs=601))
print(r.run_visible(base).round(2))
