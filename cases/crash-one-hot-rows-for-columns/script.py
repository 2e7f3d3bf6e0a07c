import numpy as np


def to_categorical(labels, n_classes):
    table = np.zeros((labels.size, n_classes))
    table[np.arange(labels.size), labels] = 1
    return table


class Classifier:
    def __init__(self, n_x, n_h, n_y, seed=3):
        np.random.seed(seed)
        self.params = dict(
            W1=np.random.randn(n_h, n_x) * np.sqrt(1 / n_x), b1=np.zeros((n_h, 1)),
            W2=np.random.randn(n_y, n_h) * np.sqrt(1 / n_h), b2=np.zeros((n_y, 1)),
        )

    def forward(self, X):
        P = self.params
        A1 = np.tanh(P["W1"].dot(X) + P["b1"])
        Z2 = P["W2"].dot(A1) + P["b2"]
        E = np.exp(Z2 - Z2.max(axis=0))
        self.memory = X, A1, E / E.sum(axis=0)
        return self.memory[-1]

    def backward(self, Y):
        X, A1, A2 = self.memory
        m = X.shape[1]
        dZ2 = A2 - Y
        dZ1 = self.params["W2"].T.dot(dZ2) * (1 - A1 ** 2)
        return dict(
            W1=dZ1.dot(X.T) / m, b1=dZ1.sum(axis=1, keepdims=True) / m,
            W2=dZ2.dot(A1.T) / m, b2=dZ2.sum(axis=1, keepdims=True) / m,
        )


rng = np.random.default_rng(3)
labels = rng.integers(0, 4, 65)
X = rng.normal(size=(2, 65)) * 0.6 + np.array([[2, 0, -2, 0], [0, 2, 0, -2]])[:, labels]
Y = to_categorical(labels, 4)

clf = Classifier(2, 8, 4)
errors = []
for i in range(300):
    A2 = clf.forward(X)
    errors.append(-np.mean(np.log(A2[labels, np.arange(65)])))
    grads = clf.backward(Y)
    for key, g in grads.items():
        clf.params[key] -= 0.5 * g
    if i % 100 == 0:
        print("iteration", i, "error", errors[-1])
print("final error", errors[-1])
