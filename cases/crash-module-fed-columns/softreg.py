import numpy as np


class SoftmaxRegression:
    """X: one row per sample"""

    def __init__(self, n_features, n_classes):
        self.W = np.zeros((n_features, n_classes))
        self.b = np.zeros(n_classes)

    def probabilities(self, X):
        logits = X @ self.W + self.b
        logits = logits - logits.max(axis=1)[:, None]
        e = np.exp(logits)
        return e / e.sum(axis=1)[:, None]

    def gradients(self, X, labels):
        P = self.probabilities(X)
        rows = np.arange(len(labels))
        loss = -np.log(P[rows, labels]).mean()
        P[rows, labels] -= 1
        return loss, X.T @ P / len(labels), P.mean(axis=0)


def train(model, X, labels, rate, rounds):
    losses = []
    for _ in range(rounds):
        loss, dW, db = model.gradients(X, labels)
        model.W -= rate * dW
        model.b -= rate * db
        losses.append(loss)
    return losses
