import numpy as np

np.random.seed(195)


class Classifier:
    def __init__(self, n_features, n_hidden):
        self.W1 = np.random.randn(n_features, n_hidden) * np.sqrt(1 / n_features)
        self.b1 = np.zeros(n_hidden)
        self.W2 = np.random.randn(n_hidden, 1) * np.sqrt(1 / n_hidden)
        self.b2 = np.zeros(1)

    @staticmethod
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def forward(self, X):
        self.X = X
        self.hidden = np.tanh(X @ self.W1 + self.b1)
        self.yhat = self.sigmoid(self.hidden @ self.W2 + self.b2)
        return self.yhat

    def log_loss(self, y):
        return -np.mean(y * np.log(self.yhat) + (1 - y) * np.log(1 - self.yhat))

    def backprop(self, y):
        n = len(y)
        delta2 = (self.yhat - y) / n
        delta1 = delta2 @ self.W2.T * (1 - self.hidden ** 2)
        return self.X.T @ delta1, delta1.sum(axis=0), self.hidden.T @ delta2, delta2.sum(axis=0)

    def fit(self, X, y, rate, epochs):
        history = []
        for epoch in range(epochs):
            self.forward(X)
            history.append(self.log_loss(y))
            dW1, db1, dW2, db2 = self.backprop(y)
            self.W1 -= rate * dW1
            self.b1 -= rate * db1
            self.W2 -= rate * dW2
            self.b2 -= rate * db2
            if epoch % 60 == 0:
                print("epoch %3d  log loss %.4f" % (epoch, history[-1]))
        return history


# rare event: one in seven
X = np.random.randn(140, 4)
y = (np.argsort(np.argsort(X[:, 0] + X[:, 1] * X[:, 2])) >= 120).astype(float).reshape(-1, 1)
model = Classifier(4, 6)
history = model.fit(X, y, 1.0, 300)
